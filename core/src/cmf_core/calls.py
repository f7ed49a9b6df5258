"""Operations of the CMF REST API as values: method, path, parameters, body and the type of the answer.

A `Call` does no I/O; `client.Client` and `client.AsyncClient` send it. One description serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from cmf_core.models import (
    ComputePool,
    Environment,
    EnvironmentSecretMapping,
    FlinkApplication,
    FlinkApplicationEvent,
    FlinkApplicationInstance,
    KafkaCatalog,
    KafkaDatabase,
    KubernetesCluster,
    KubernetesNamespace,
    Model,
    Page,
    ResourceInformation,
    Savepoint,
    Secret,
    Statement,
    StatementExceptionList,
    SystemInformation,
)

T = TypeVar("T")
M = TypeVar("M", bound=Model)
PREFIX = "/cmf/api/v1"
ALPHA_PREFIX = "/cmf/api/v1alpha1"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and how to read its answer."""

    method: str
    path: str
    parse: Callable[[Any], T]
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    upsert: bool = False
    """A POST that writes the whole of what is there."""

    @property
    def idempotent(self) -> bool:
        """Whether it may be sent again when it may have arrived (RFC 9110, section 9.2.2)."""
        return self.upsert or self.method in {"GET", "PUT", "DELETE"}


def _nothing(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Collection(Generic[M]):
    """The operations of one kind below one path."""

    path: str
    model: type[M]

    def one(self, name: str) -> str:
        """Return the path of one resource."""
        return f"{self.path}/{quote(name, safe='')}"

    def get(self, name: str) -> Call[M]:
        """Read one resource; the answer to an unknown name is `NotFound`."""
        return Call("GET", self.one(name), self.model.parse)

    def page(self, page: int = 0, size: int = 100, **params: str) -> Call[Page[M]]:
        """Read one page; further parameters (filter, search, ...) go as they are."""
        parse = Page[self.model].model_validate  # type: ignore[name-defined]
        return Call("GET", self.path, parse, {"page": str(page), "size": str(size), **params})

    def post(self, resource: M) -> Call[M]:
        """Create."""
        return Call("POST", self.path, self.model.parse, body=resource.wire())

    def upsert(self, resource: M) -> Call[M]:
        """Update an environment or an application, which CMF does by POST."""
        return replace(self.post(resource), upsert=True)

    def put(self, name: str, resource: Model) -> Call[M | None]:
        """Update. Some kinds answer without a body, then the result is None."""
        return Call(
            "PUT",
            self.one(name),
            lambda data: self.model.parse(data) if data else None,
            body=resource.wire(),
        )

    def delete(self, name: str, *, force: bool = False) -> Call[None]:
        """Delete; `force` removes the record without asking the cluster, where the kind has it."""
        return Call("DELETE", self.one(name), _nothing, {"force": "true"} if force else {})


KUBERNETES_CLUSTERS = Collection(f"{PREFIX}/kubernetes-clusters", KubernetesCluster)
ENVIRONMENTS = Collection(f"{PREFIX}/environments", Environment)
DETACHED_SAVEPOINTS = Collection(f"{PREFIX}/detached-savepoints", Savepoint)
SECRETS = Collection(f"{PREFIX}/secrets", Secret)
KAFKA_CATALOGS = Collection(f"{PREFIX}/catalogs/kafka", KafkaCatalog)


def namespace(cluster: str, name: str) -> Call[KubernetesNamespace]:
    """Ask whether a cluster has a namespace; an extension of the open hub's, `NotFound` elsewhere."""
    path = f"{KUBERNETES_CLUSTERS.one(cluster)}/namespaces/{quote(name, safe='')}"
    return Call("GET", path, KubernetesNamespace.parse)


def _in_environment(environment: str, plural: str, prefix: str = PREFIX) -> str:
    return f"{prefix}/environments/{quote(environment, safe='')}/{plural}"


def _application(environment: str, application: str, prefix: str = PREFIX) -> str:
    return f"{_in_environment(environment, 'applications', prefix)}/{quote(application, safe='')}"


def applications(environment: str) -> Collection[FlinkApplication]:
    """Applications of an environment."""
    return Collection(_in_environment(environment, "applications"), FlinkApplication)


def instances(environment: str, application: str) -> Collection[FlinkApplicationInstance]:
    """Instances of an application; they can only be read."""
    return Collection(f"{_application(environment, application)}/instances", FlinkApplicationInstance)


def events(environment: str, application: str) -> Collection[FlinkApplicationEvent]:
    """Events of an application; they can only be listed."""
    return Collection(f"{_application(environment, application, ALPHA_PREFIX)}/events", FlinkApplicationEvent)


def secret_mappings(environment: str) -> Collection[EnvironmentSecretMapping]:
    """Secret mappings of an environment."""
    return Collection(_in_environment(environment, "secret-mappings"), EnvironmentSecretMapping)


def kafka_databases(catalog: str) -> Collection[KafkaDatabase]:
    """Databases of a catalog."""
    return Collection(f"{KAFKA_CATALOGS.one(catalog)}/databases", KafkaDatabase)


def compute_pools(environment: str) -> Collection[ComputePool]:
    """Compute pools of an environment."""
    return Collection(_in_environment(environment, "compute-pools"), ComputePool)


def statements(environment: str) -> Collection[Statement]:
    """Statements of an environment."""
    return Collection(_in_environment(environment, "statements"), Statement)


def application_savepoints(environment: str, application: str) -> Collection[Savepoint]:
    """Savepoints of an application."""
    return Collection(f"{_application(environment, application)}/savepoints", Savepoint)


def statement_savepoints(environment: str, statement: str) -> Collection[Savepoint]:
    """Savepoints of a statement."""
    return Collection(f"{statements(environment).one(statement)}/savepoints", Savepoint)


def detach(environment: str, application: str, savepoint: str) -> Call[Savepoint]:
    """Detach a savepoint from its application."""
    path = f"{application_savepoints(environment, application).one(savepoint)}/detach"
    return Call("POST", path, Savepoint.parse)


def start(environment: str, application: str, savepoint_uid: str | None = None) -> Call[FlinkApplication]:
    """Start an application; from the state of a savepoint, its own or a detached one, if its uid is given."""
    params = {"startFromSavepointUid": savepoint_uid} if savepoint_uid else {}
    return Call("POST", f"{_application(environment, application)}/start", FlinkApplication.parse, params)


def suspend(environment: str, application: str) -> Call[FlinkApplication]:
    """Suspend a running application."""
    return Call("POST", f"{_application(environment, application)}/suspend", FlinkApplication.parse)


def statement_exceptions(environment: str, statement: str) -> Call[StatementExceptionList]:
    """Read the last exceptions of a statement, newest first."""
    path = f"{_in_environment(environment, 'statements')}/{quote(statement, safe='')}/exceptions"
    return Call("GET", path, StatementExceptionList.parse)


def web_ui(owner: str) -> str:
    """Return the path of the Flink web UI of an application, statement or pool, given that of the resource itself."""
    return f"{owner}/flink-web-ui/"


SYSTEM_INFORMATION = Call("GET", f"{PREFIX}/system-information", SystemInformation.parse)
"""Read version and revision of CMF."""
RESOURCE_INFORMATION = Call("GET", f"{PREFIX}/resource-information", ResourceInformation.parse)
"""Read how many resources of each kind there are, and what they use together."""
