"""Confluent's table of roles as it is printed, and role bindings for tests."""

from typing import Any

COLUMNS = (
    "environment create/update", "environment delete", "application create/update", "application view",
    "statement create/update, delete, view", "pool create/update, delete", "pool view",
    "catalog, secret create/update, delete", "catalog, secret view",
)  # fmt: skip
TABLE = {
    "super.user": "yes yes yes yes yes yes yes yes yes",
    "SystemAdmin": "yes yes yes yes yes yes yes yes yes",
    "ClusterAdmin": "yes no yes yes yes yes yes yes yes",
    "UserAdmin": "no no no no no no no no no",
    "ResourceOwner": "no no yes yes yes yes yes yes yes",
    "DeveloperManage": "no no yes yes yes yes yes yes yes",
    "DeveloperRead": "no no no yes no no yes no yes",
    "SecurityAdmin": "no no no no no no no no no",
    "AuditAdmin": "no no no no no no no no no",
    "Operator": "no no no no no no no no no",
    "DeveloperWrite": "no no no no no no no no no",
}
ON_RESOURCES = ("ResourceOwner", "DeveloperManage", "DeveloperRead", "DeveloperWrite")


def cell(role: str, column: str) -> bool:
    """Return what the table says."""
    return TABLE[role].split()[COLUMNS.index(column)] == "yes"


def binding(principal: str, role: str, environment: str = "", **resources: str) -> dict[str, Any]:
    """Return a role binding; resources are `FlinkSecret="a-*"`, with a star at the end for a prefix."""
    entry: dict[str, Any] = {"principal": principal, "role": role}
    if environment:
        entry["flinkEnvironment"] = environment
    if resources:
        entry["resources"] = [_resource(kind, name) for kind, name in resources.items()]
    return entry


def _resource(kind: str, name: str) -> dict[str, str]:
    if name != "*" and name.endswith("*"):
        return {"resourceType": kind, "name": name[:-1], "patternType": "PREFIXED"}
    return {"resourceType": kind, "name": name, "patternType": "LITERAL"}


def everywhere(role: str) -> list[dict[str, Any]]:
    """Return bindings that give `User:<role>` a role on everything."""
    user = f"User:{role}"
    if role not in ON_RESOURCES:
        return [binding(user, role)]
    return [
        binding(user, role, FlinkEnvironment="*", FlinkCatalog="*", FlinkSecret="*"),
        binding(user, role, "*", FlinkApplication="*", FlinkStatement="*", FlinkComputePool="*"),
    ]
