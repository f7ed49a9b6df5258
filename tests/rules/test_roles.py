"""Roles: Confluent's table, row by row, and the answers to those without a right."""

import pytest
from cmf_core.errors import Forbidden
from cmf_core.rules import enforce
from cmf_core.rules.roles import CLUSTER_ROLES, Action, ResourceType, Role, gives, permitted

T, A = ResourceType, Action
COLUMNS = (
    ((T.ENVIRONMENT, A.EDIT),),
    ((T.ENVIRONMENT, A.DELETE),),
    ((T.APPLICATION, A.EDIT), (T.APPLICATION, A.DELETE)),
    ((T.APPLICATION, A.VIEW), (T.APPLICATION, A.WEB_UI)),
    ((T.STATEMENT, A.EDIT), (T.STATEMENT, A.DELETE), (T.STATEMENT, A.VIEW)),
    ((T.POOL, A.EDIT), (T.POOL, A.DELETE)),
    ((T.POOL, A.VIEW),),
    tuple((each, action) for each in (T.CATALOG, T.SECRET) for action in (A.EDIT, A.DELETE)),
    ((T.CATALOG, A.VIEW), (T.SECRET, A.VIEW)),
)
"""The columns of Confluent's table but the last, role bindings, which are no resource of this API."""

TABLE = {
    Role.SYSTEM_ADMIN: "yes yes yes yes yes yes yes yes yes",
    Role.CLUSTER_ADMIN: "yes no yes yes yes yes yes yes yes",
    Role.USER_ADMIN: "no no no no no no no no no",
    Role.RESOURCE_OWNER: "no no yes yes yes yes yes yes yes",
    Role.DEVELOPER_MANAGE: "no no yes yes yes yes yes yes yes",
    Role.DEVELOPER_READ: "no no no yes no no yes no yes",
    **dict.fromkeys(
        (Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.OPERATOR, Role.DEVELOPER_WRITE), "no no no no no no no no no"
    ),
}


@pytest.mark.rule("E56")
@pytest.mark.parametrize("role", Role)
def test_a_role_gives_what_the_table_says(role: Role) -> None:
    for cell, column in zip(TABLE[role].split(), COLUMNS, strict=True):
        for resource_type, action in column:
            assert gives(role, resource_type, action) is (cell == "yes"), (role, resource_type, action)


@pytest.mark.rule("P56")
@pytest.mark.parametrize("role", Role)
def test_the_web_ui_of_a_pool_is_for_administrators(role: Role) -> None:
    assert gives(role, T.POOL, A.WEB_UI) is (role in (Role.SYSTEM_ADMIN, Role.CLUSTER_ADMIN))


@pytest.mark.rule("E56")
def test_where_the_table_is_silent() -> None:
    for role in Role:
        sees = "yes" in TABLE[role]
        assert gives(role, T.ENVIRONMENT, A.VIEW) is sees, role
        assert gives(role, T.KUBERNETES_CLUSTER, A.EDIT) is (role is Role.SYSTEM_ADMIN)
        assert gives(role, T.CMF, A.VIEW) is (role in (Role.SYSTEM_ADMIN, Role.CLUSTER_ADMIN))
    assert {Role.RESOURCE_OWNER, Role.DEVELOPER_MANAGE, Role.DEVELOPER_READ, Role.DEVELOPER_WRITE} == (
        set(Role) - CLUSTER_ROLES
    )


@pytest.mark.rule("E52", "E54")
def test_a_refusal_names_who_what_and_where() -> None:
    assert permitted("User:a", A.VIEW, T.SECRET, "s", "", allowed=True) is None
    with pytest.raises(Forbidden, match=r"User:a has no Edit .* FlinkApplication 'orders' in environment 'prod'"):
        enforce(permitted("User:a", A.EDIT, T.APPLICATION, "orders", "prod", allowed=False))
