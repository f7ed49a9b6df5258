"""What an operation of the API asks of its caller: one right on one resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cmf_core.rules.roles import Action, ResourceType

EACH = "(each)"
"""In the place of a parameter: the operation is a list, of which everybody sees their part."""
IN_BODY = "(body)"
"""In the place of a parameter: the request's body has the name."""
WHOLE = ""
"""In the place of a parameter: there is one resource of the type."""


@dataclass(frozen=True)
class Need:
    """What an operation asks for.

    Attributes:
        action: what it does.
        type: type of the resource that it does it to.
        name: path parameter with the resource's name, or `EACH`, `IN_BODY` or `WHOLE`. The environment of a
            resource that is in one is the path parameter `environment`.
    """

    action: Action
    type: ResourceType
    name: str = WHOLE


class Right(NamedTuple):
    """A right on one resource."""

    action: Action
    type: ResourceType
    name: str = ""
    environment: str = ""


class Visible(NamedTuple):
    """Which resources of a list somebody sees: those of these names, and those whose names begin so."""

    names: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()


UNDECLARED = Need(Action.EDIT, ResourceType.KUBERNETES_CLUSTER)
"""Need of an operation that declares none: only system administrators have it, so that nothing is open by mistake."""

ANYBODY = Need(Action.VIEW, ResourceType.KUBERNETES_CLUSTER)
"""Need that everybody has who is known."""


def _of(resource_type: ResourceType, parameter: str) -> tuple[Need, Need, Need, Need, Need]:
    """Return the needs of a type's usual operations: list, create, read, change, delete."""
    return (
        Need(Action.VIEW, resource_type, EACH),
        Need(Action.EDIT, resource_type, IN_BODY),
        Need(Action.VIEW, resource_type, parameter),
        Need(Action.EDIT, resource_type, parameter),
        Need(Action.DELETE, resource_type, parameter),
    )


_ENVIRONMENTS, _MAKE_ENVIRONMENT, _SEE_ENVIRONMENT, _EDIT_ENVIRONMENT, _DELETE_ENVIRONMENT = _of(
    ResourceType.ENVIRONMENT, "environment"
)
_APPLICATIONS, _MAKE_APPLICATION, _SEE_APPLICATION, _EDIT_APPLICATION, _DELETE_APPLICATION = _of(
    ResourceType.APPLICATION, "application"
)
_STATEMENTS, _MAKE_STATEMENT, _SEE_STATEMENT, _EDIT_STATEMENT, _DELETE_STATEMENT = _of(
    ResourceType.STATEMENT, "statement"
)
_POOLS, _MAKE_POOL, _SEE_POOL, _EDIT_POOL, _DELETE_POOL = _of(ResourceType.POOL, "pool")
_CATALOGS, _MAKE_CATALOG, _SEE_CATALOG, _EDIT_CATALOG, _DELETE_CATALOG = _of(ResourceType.CATALOG, "catalog")
_SECRETS, _MAKE_SECRET, _SEE_SECRET, _EDIT_SECRET, _DELETE_SECRET = _of(ResourceType.SECRET, "secret")
_SEE_CMF = Need(Action.VIEW, ResourceType.CMF)
_EDIT_CMF = Need(Action.EDIT, ResourceType.CMF)
_EDIT_CLUSTER = Need(Action.EDIT, ResourceType.KUBERNETES_CLUSTER, "cluster")

NEEDS: Mapping[str, Need] = {
    "getEnvironments": _ENVIRONMENTS,
    "createOrUpdateEnvironment": _MAKE_ENVIRONMENT,
    "getEnvironment": _SEE_ENVIRONMENT,
    "deleteEnvironment": _DELETE_ENVIRONMENT,
    # A mapping is a part of its environment.
    "getEnvironmentSecretMappings": _SEE_ENVIRONMENT,
    "createEnvironmentSecretMapping": _EDIT_ENVIRONMENT,
    "getEnvironmentSecretMapping": _SEE_ENVIRONMENT,
    "updateEnvironmentSecretMapping": _EDIT_ENVIRONMENT,
    "deleteEnvironmentSecretMapping": _EDIT_ENVIRONMENT,
    "getApplications": _APPLICATIONS,
    "createOrUpdateApplication": _MAKE_APPLICATION,
    "getApplication": _SEE_APPLICATION,
    "deleteApplication": _DELETE_APPLICATION,
    "startApplication": _EDIT_APPLICATION,
    "suspendApplication": _EDIT_APPLICATION,
    "getApplicationEvents": _SEE_APPLICATION,
    "getApplicationInstances": _SEE_APPLICATION,
    "getApplicationInstance": _SEE_APPLICATION,
    "getSavepointsForFlinkApplication": _SEE_APPLICATION,
    "createSavepointForFlinkApplication": _EDIT_APPLICATION,
    "getSavepointForFlinkApplication": _SEE_APPLICATION,
    "deleteSavepointForFlinkApplication": _EDIT_APPLICATION,
    "detachSavepointFromFlinkApplication": _EDIT_APPLICATION,
    "getStatements": _STATEMENTS,
    "createStatement": _MAKE_STATEMENT,
    "getStatement": _SEE_STATEMENT,
    "updateStatement": _EDIT_STATEMENT,
    "deleteStatement": _DELETE_STATEMENT,
    "getStatementResult": _EDIT_STATEMENT,
    "getStatementExceptions": _EDIT_STATEMENT,
    "getSavepointsForFlinkStatement": _SEE_STATEMENT,
    "createSavepointForFlinkStatement": _EDIT_STATEMENT,
    "getSavepointForFlinkStatement": _SEE_STATEMENT,
    "deleteSavepointForFlinkStatement": _EDIT_STATEMENT,
    "getComputePools": _POOLS,
    "createComputePool": _MAKE_POOL,
    "getComputePool": _SEE_POOL,
    "updateComputePool": _EDIT_POOL,
    "deleteComputePool": _DELETE_POOL,
    # A detached savepoint belongs to no environment.
    "listDetachedSavepoints": _SEE_CMF,
    "createDetachedSavepoint": _EDIT_CMF,
    "getDetachedSavepoint": _SEE_CMF,
    "deleteDetachedSavepoint": _EDIT_CMF,
    "getSecrets": _SECRETS,
    "createSecret": _MAKE_SECRET,
    "getSecret": _SEE_SECRET,
    "updateSecret": _EDIT_SECRET,
    "deleteSecret": _DELETE_SECRET,
    "getKafkaCatalogs": _CATALOGS,
    "createKafkaCatalog": _MAKE_CATALOG,
    "getKafkaCatalog": _SEE_CATALOG,
    "updateKafkaCatalog": _EDIT_CATALOG,
    "deleteKafkaCatalog": _DELETE_CATALOG,
    # A database is a part of its catalog.
    "getKafkaDatabases": _SEE_CATALOG,
    "createKafkaDatabase": _EDIT_CATALOG,
    "getKafkaDatabase": _SEE_CATALOG,
    "updateKafkaDatabase": _EDIT_CATALOG,
    "deleteKafkaDatabase": _EDIT_CATALOG,
    "getKubernetesClusters": ANYBODY,
    "getKubernetesCluster": ANYBODY,
    "updateKubernetesCluster": _EDIT_CLUSTER,
    "getKubernetesNamespace": _SEE_CMF,
    "cleanOrphans": _EDIT_CLUSTER,
    "adoptOrphan": _EDIT_CLUSTER,
    "accessApplicationWebUi": Need(Action.WEB_UI, ResourceType.APPLICATION, "name"),
    "accessStatementWebUi": Need(Action.WEB_UI, ResourceType.STATEMENT, "name"),
    "accessComputePoolWebUi": Need(Action.WEB_UI, ResourceType.POOL, "name"),
    "getSystemInformation": ANYBODY,
    "getResourceInformation": _SEE_CMF,
    "getC3LicenseInformation": ANYBODY,
}
"""What each operation of the API asks for, by its id."""
