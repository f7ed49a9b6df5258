"""Who may do what: roles, what they give, and the answers to those who may not (E52-E56, P56).

Roles and their rights are those of Confluent's role-based access control for CMF. Where its table is silent:
an environment is seen by whoever has a role in it; applications are deleted by those who change them; clusters
are seen by everybody and changed by system administrators; numbers of the whole installation are for both
kinds of administrators.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cmf_core.rules.verdict import Refusal, Verdict, rule


class Role(StrEnum):
    """A role. Those of the first four lines, and super users, are the only ones that give rights in CMF."""

    SYSTEM_ADMIN = "SystemAdmin"
    CLUSTER_ADMIN = "ClusterAdmin"
    USER_ADMIN = "UserAdmin"
    RESOURCE_OWNER = "ResourceOwner"
    DEVELOPER_MANAGE = "DeveloperManage"
    DEVELOPER_READ = "DeveloperRead"
    DEVELOPER_WRITE = "DeveloperWrite"
    SECURITY_ADMIN = "SecurityAdmin"
    AUDIT_ADMIN = "AuditAdmin"
    OPERATOR = "Operator"


class ResourceType(StrEnum):
    """What rights are given on."""

    CMF = "Cluster"
    """The installation itself: its numbers, and what belongs to no environment and has no type of its own."""
    KUBERNETES_CLUSTER = "KubernetesCluster"
    ENVIRONMENT = "FlinkEnvironment"
    CATALOG = "FlinkCatalog"
    SECRET = "FlinkSecret"  # noqa: S105 - the name of a type
    APPLICATION = "FlinkApplication"
    STATEMENT = "FlinkStatement"
    POOL = "FlinkComputePool"


class Action(StrEnum):
    """What somebody wants to do with a resource."""

    VIEW = "View"
    EDIT = "Edit"
    """Create, change, start, stop; of a statement also its results and exceptions."""
    DELETE = "Delete"
    WEB_UI = "AccessWebUI"


IN_ENVIRONMENT = frozenset({ResourceType.APPLICATION, ResourceType.STATEMENT, ResourceType.POOL})
"""Types whose resources are in an environment; all others are in the installation."""

CLUSTER_ROLES = frozenset(
    {Role.SYSTEM_ADMIN, Role.CLUSTER_ADMIN, Role.USER_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.OPERATOR}
)
"""Roles that are given on a whole scope; all others are given on resources by name."""

_VIEW, _EDIT, _DELETE, _UI = Action.VIEW, Action.EDIT, Action.DELETE, Action.WEB_UI
_ALL = frozenset(Action)
_NONE: frozenset[Action] = frozenset()
_MANAGED = {
    ResourceType.ENVIRONMENT: frozenset({_VIEW}),
    ResourceType.CATALOG: frozenset({_VIEW, _EDIT, _DELETE}),
    ResourceType.SECRET: frozenset({_VIEW, _EDIT, _DELETE}),
    ResourceType.APPLICATION: _ALL,
    ResourceType.STATEMENT: _ALL,
    ResourceType.POOL: frozenset({_VIEW, _EDIT, _DELETE}),
}
_RIGHTS: Mapping[Role, Mapping[ResourceType, frozenset[Action]]] = {
    Role.SYSTEM_ADMIN: dict.fromkeys(ResourceType, _ALL),
    Role.CLUSTER_ADMIN: {
        **dict.fromkeys(ResourceType, _ALL),
        ResourceType.ENVIRONMENT: frozenset({_VIEW, _EDIT}),
        ResourceType.KUBERNETES_CLUSTER: frozenset({_VIEW}),
    },
    Role.RESOURCE_OWNER: _MANAGED,
    Role.DEVELOPER_MANAGE: _MANAGED,
    Role.DEVELOPER_READ: {
        ResourceType.ENVIRONMENT: frozenset({_VIEW}),
        ResourceType.CATALOG: frozenset({_VIEW}),
        ResourceType.SECRET: frozenset({_VIEW}),
        ResourceType.APPLICATION: frozenset({_VIEW, _UI}),
        ResourceType.POOL: frozenset({_VIEW}),
    },
}


@rule("E56", "P56")
def gives(role: Role, resource_type: ResourceType, action: Action) -> bool:
    """A role gives the rights of Confluent's table; the web UI of a pool is for administrators."""
    return action in _RIGHTS.get(role, {}).get(resource_type, _NONE)


@rule("E52", "E54")
def permitted(
    principal: str, action: Action, resource_type: ResourceType, name: str, environment: str, *, allowed: bool
) -> Verdict:
    """Who is not allowed to is refused with 403, whether the resource exists or not."""
    if allowed:
        return None
    what = f"{resource_type} '{name}'" if name else str(resource_type)
    where = f" in environment '{environment}'" if environment else ""
    text = f"{principal} has no {action} permission on {what}{where}: ask for a role that gives it"
    return Refusal(403, text, "E54")
