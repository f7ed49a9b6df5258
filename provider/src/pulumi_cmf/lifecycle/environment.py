"""Environment: where applications, pools and statements run (E01-E07)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from cmf_core.calls import ENVIRONMENTS, Collection
from cmf_core.models import DEFAULT_CLUSTER, Environment
from cmf_core.rules import Verdict, names
from cmf_core.rules.environments import placement

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.kind import Created, Found, Kind, Operation, Refused, State, state_of
from pulumi_cmf.lifecycle.ownership import create_once, find, mark_of, with_mark, without_mark
from pulumi_cmf.lifecycle.removal import remove
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pulumi_cmf.types import ApplicationDefaults, PoolDefaults, StatementDefaults

_DELETE_SECONDS = 60.0


class EnvironmentInputs(Labelled):
    """What a user says of an environment."""

    kubernetes_namespace: str
    kubernetes_cluster_name: str | None = None
    flink_application_defaults: dict[str, Any] | None = None
    compute_pool_defaults: dict[str, Any] | None = None
    statement_defaults: dict[str, Any] | None = None
    force_delete: bool | None = None


class EnvironmentKind(Kind[EnvironmentInputs]):
    """Life cycle of environments. Namespace and cluster cannot change (E40): that replaces."""

    name = "Environment"
    outputs = ("created_time",)
    lasting = ("created_time",)
    identity = ("name",)
    searched = ("name", "kubernetesNamespace")
    immutable = ("kubernetes_namespace", "kubernetes_cluster_name")
    nested: ClassVar[Mapping[str, Any]] = {
        "flink_application_defaults": ApplicationDefaults,
        "compute_pool_defaults": PoolDefaults,
        "statement_defaults": StatementDefaults,
    }
    defaults: ClassVar[Mapping[str, Any]] = {"kubernetes_cluster_name": DEFAULT_CLUSTER}

    def __init__(self) -> None:
        super().__init__(EnvironmentInputs)

    def rules(self, inputs: EnvironmentInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on names."""
        yield "name", names.resource_name(self.name, inputs.name)
        namespace = names.resource_name("kubernetes_namespace", inputs.kubernetes_namespace, minimum=1)
        yield "kubernetes_namespace", namespace
        if inputs.kubernetes_cluster_name is not None:
            cluster = names.resource_name("kubernetes_cluster_name", inputs.kubernetes_cluster_name, minimum=1)
            yield "kubernetes_cluster_name", cluster

    async def foretell(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Foretell that its cluster takes no writes."""
        cluster = news.get("kubernetes_cluster_name")
        if not olds:
            return await facts.writable(placement(cluster)) if cluster is None or isinstance(cluster, str) else None
        found = (await facts.all(ENVIRONMENTS)).get(str(olds.get("name")))
        if found is None:
            return None
        if not contains_unknown(dict(news)):
            asked = self.parse(news).model_dump(exclude_none=True)
            if not self.to_write(_present(found), asked, olds):
                return None
        return await facts.writable(placement(found.kubernetes_cluster_name))

    async def create(self, hub: Hub, inputs: EnvironmentInputs, operation: Operation) -> Created:
        """Create; there is nothing to wait for."""
        sent = _model(inputs, {}, operation.mark)
        what = f"Environment '{inputs.name}'"
        answer = await create_once(hub, ENVIRONMENTS, what, inputs.name, sent, operation.mark)
        return Created(inputs.name, _state(inputs, answer))

    async def read(self, hub: Hub, id_: str, state: Mapping[str, Any]) -> Found | None:
        """Return what CMF has."""
        found = await find(hub, ENVIRONMENTS, id_)
        if found is None:
            return None
        inputs = self.seen(state, _present(found))
        return Found(id_, {**inputs, **_computed(found)}, inputs)

    def listed_in(self, place: Mapping[str, Any]) -> Collection[Environment]:
        """Return where a list of them is."""
        return ENVIRONMENTS

    def of_list(self, place: Mapping[str, Any], found: Environment) -> Found:
        """Return what a list tells of one."""
        inputs = self.seen({}, _present(found))
        return Found(str(found.name), {**inputs, **_computed(found)}, inputs)

    async def update(
        self,
        hub: Hub,
        id_: str,
        olds: State,
        inputs: EnvironmentInputs,
        operation: Operation,
    ) -> State:
        """Send what differs; fields that are no longer given are cleared."""
        asked = inputs.model_dump(exclude_none=True)
        found = await find(hub, ENVIRONMENTS, id_)
        if found is None:
            raise Refused(
                f"Environment '{id_}' is gone from CMF: run `pulumi refresh`, then `pulumi up` creates it again"
            )
        if self.to_write(_present(found), asked, olds):
            found = await hub.client.send(ENVIRONMENTS.post(_model(inputs, olds, mark_of(found.metadata))))
        return _state(inputs, found)

    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Delete; an environment that is not empty is refused, by force too (C52)."""
        await remove(
            hub,
            ENVIRONMENTS,
            id_,
            what=f"Environment '{id_}'",
            describe=lambda _: "still there",
            limit=(state.get("timeouts") or {}).get("delete") or _DELETE_SECONDS,
            force=bool(state.get("force_delete")),
            leaves=None,
            operation=operation,
        )


def _model(inputs: EnvironmentInputs, olds: Mapping[str, Any], mark: str | None) -> Environment:
    """Return the request. Absent keeps and `{}` clears (`cmf.md` 8.4)."""

    def cleared(field: str, value: Any) -> Any:
        return {} if value is None and olds.get(field) else value

    data: dict[str, Any] = {field: cleared(field, getattr(inputs, field)) for field in EnvironmentKind.nested}
    metadata = {
        "name": inputs.name,
        "labels": cleared("labels", inputs.labels),
        "annotations": with_mark(cleared("annotations", inputs.annotations), mark),
    }
    data |= {
        "metadata": metadata,
        "kubernetes_namespace": inputs.kubernetes_namespace,
        "kubernetes_cluster_name": inputs.kubernetes_cluster_name,
    }
    return Environment.parse(data)


def _present(found: Environment) -> dict[str, Any]:
    defaults = found.statement_defaults
    return {
        "name": found.name,
        "kubernetes_namespace": found.kubernetes_namespace,
        "kubernetes_cluster_name": found.kubernetes_cluster_name,
        "flink_application_defaults": found.flink_application_defaults or None,
        "compute_pool_defaults": found.compute_pool_defaults or None,
        "statement_defaults": (defaults.wire() or None) if defaults else None,
        "labels": found.metadata.labels or None,
        "annotations": without_mark(found.metadata.annotations),
    }


def _computed(found: Environment) -> dict[str, Any]:
    return {"created_time": found.created_time} if found.created_time else {}


def _state(inputs: EnvironmentInputs, found: Environment) -> State:
    return state_of(inputs, **_computed(found))
