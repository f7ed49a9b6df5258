"""Environment: where applications, pools and statements run (E01-E07)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from cmf_core.calls import ENVIRONMENTS, Collection, applications
from cmf_core.merge import merged
from cmf_core.models import DEFAULT_CLUSTER, Environment
from cmf_core.rules import Advice, Verdict, advice, names, restarts, specs
from cmf_core.rules.environments import deletable, known_cluster, namespace_to_come, new_defaults, placement

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.kept import KeptKind
from pulumi_cmf.lifecycle.kind import state_of
from pulumi_cmf.lifecycle.object_names import IN_ENVIRONMENTS
from pulumi_cmf.lifecycle.operations import Created, Found, Going, Operation, Refused, State
from pulumi_cmf.lifecycle.ownership import create_once, find, gone, mark_of, refreshed, taken, with_mark, without_mark
from pulumi_cmf.lifecycle.removal import remove
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.spelling import whole
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pulumi_cmf.types import ApplicationDefaults, PoolDefaults, StatementDefaults

_DELETE_SECONDS = 60.0
_CONTENTS = {"FlinkApplication": "applications", "Statement": "statements", "ComputePool": "compute pools"}
"""Kinds that keep an environment from being deleted, and how they are counted."""


class EnvironmentInputs(Labelled):
    """What a user says of an environment."""

    kubernetes_namespace: str
    kubernetes_cluster_name: str | None = None
    flink_application_defaults: dict[str, Any] | None = None
    compute_pool_defaults: dict[str, Any] | None = None
    statement_defaults: dict[str, Any] | None = None
    force_delete: bool | None = None


class EnvironmentKind(KeptKind[EnvironmentInputs]):
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
        defaults = inputs.flink_application_defaults
        yield "flink_application_defaults", specs.application_defaults(inputs.name, defaults)
        yield "compute_pool_defaults", specs.pool_defaults(inputs.name, inputs.compute_pool_defaults)

    def sent(self, inputs: EnvironmentInputs) -> Environment:
        """Return the request of a create."""
        return _model(inputs, {}, None)

    async def foretell_create(self, facts: Facts, news: Mapping[str, Any], mark: str | None) -> Verdict:
        """Foretell that its name is taken, or that its cluster is not there (C07) or takes no writes (C33)."""
        name, cluster = str(news["name"]), news.get("kubernetes_cluster_name")
        refusal = await taken(facts, ENVIRONMENTS, self.name, name, _what(name), name, mark)
        if refusal is not None or not (cluster is None or isinstance(cluster, str)):
            return refusal
        on = placement(cluster)
        return known_cluster(on, await facts.cluster_names()) or await facts.writable(on)

    async def foretell_update(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Foretell that it is gone, or that its cluster takes no writes."""
        name = str(news["name"])
        found = (await facts.all(ENVIRONMENTS)).get(name)
        if found is None:
            return gone(_what(name))
        if not contains_unknown(dict(news)):
            asked = self.parse(news).model_dump(exclude_none=True)
            if not self.to_write(_present(found), asked, olds):
                return None
        return await facts.writable(placement(found.kubernetes_cluster_name))

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Foretell that its cluster takes no writes, unless by force, and that it is not empty (C52)."""
        name = place["name"]
        found = (await facts.all(ENVIRONMENTS)).get(name)
        if found is None:
            return None
        held = None if state.get("force_delete") else await facts.writable(placement(found.kubernetes_cluster_name))
        contents = {plural: await _left(facts, going, kind, name) for kind, plural in _CONTENTS.items()}
        return held or deletable(name, contents)

    async def advise(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return what new defaults do to the jobs of the applications in it, which take them over at once (E04)."""
        name, field = str(news["name"]), "flink_application_defaults"
        found, laid = (await facts.all(ENVIRONMENTS)).get(name), whole(news.get(field))
        if found is None or laid == whole(olds.get(field)) or contains_unknown(laid):
            return []
        before, after = ((defaults or {}).get("spec") for defaults in (found.flink_application_defaults, laid))
        given: list[Advice | None] = []
        for each in (await facts.all(applications(name))).values():
            what = f"FlinkApplication '{each.name}' in environment '{name}'"
            present, asked = merged(each.spec, before), merged(each.spec, after)
            given.append(new_defaults(what, present, asked) or restarts.job_advice(what, present, asked))
        return advice(*given)

    async def lacking(self, facts: Facts, news: Mapping[str, Any]) -> list[Advice]:
        """Return that its namespace is missing (E02)."""
        name, namespace, cluster = (
            news.get(field) for field in ("name", "kubernetes_namespace", "kubernetes_cluster_name")
        )
        if not (isinstance(name, str) and isinstance(namespace, str) and (cluster is None or isinstance(cluster, str))):
            return []
        on = placement(cluster)
        exists = await facts.namespace_exists(on, namespace) is not False
        return advice(namespace_to_come(name, namespace, on, exists=exists))

    async def create(self, hub: Hub, inputs: EnvironmentInputs, operation: Operation) -> Created:
        """Create; there is nothing to wait for."""
        sent = _model(inputs, {}, operation.mark)
        answer = await create_once(hub, ENVIRONMENTS, _what(inputs.name), inputs.name, sent, operation.mark)
        return Created(inputs.name, _state(inputs, answer))

    async def read(self, hub: Hub, id_: str, state: Mapping[str, Any]) -> Found | None:
        """Return what CMF has."""
        found = await refreshed(hub, ENVIRONMENTS, id_, state)
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
            raise Refused(gone(_what(id_)).message)
        if self.to_write(_present(found), asked, olds):
            found = await hub.client.send(ENVIRONMENTS.upsert(_model(inputs, olds, mark_of(found.metadata))))
        return _state(inputs, found)

    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Delete; an environment that is not empty is refused, by force too (C52)."""
        await remove(
            hub,
            ENVIRONMENTS,
            id_,
            what=_what(id_),
            describe=lambda _: "still there",
            limit=(state.get("timeouts") or {}).get("delete") or _DELETE_SECONDS,
            force=bool(state.get("force_delete")),
            leaves=None,
            operation=operation,
        )


def _what(name: str) -> str:
    return f"Environment '{name}'"


async def _left(facts: Facts, going: Going, kind: str, environment: str) -> int:
    """Return how many resources of a kind are still in an environment when it is deleted."""
    found: Mapping[str, Any] = await facts.all(IN_ENVIRONMENTS[kind](environment))
    made = () if facts.creates("Environment", environment) else facts.all_changed(kind)
    ids = {*(f"{environment}/{name}" for name in found), *(id_ for id_ in made if id_.startswith(f"{environment}/"))}
    return sum(not going(kind, id_) for id_ in ids)


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
