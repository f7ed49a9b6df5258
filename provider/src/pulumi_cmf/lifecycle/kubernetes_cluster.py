"""KubernetesCluster: registered by its kubeconfig, not by REST (C09-C15); life cycle and labels by PUT (C40-C47)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from cmf_core.calls import KUBERNETES_CLUSTERS, Collection
from cmf_core.errors import CmfError, NotFound
from cmf_core.models import ClusterState, KubernetesCluster, LifecycleState
from cmf_core.rules import Refusal, Verdict, names
from cmf_core.rules.clusters import decommission

from pulumi_cmf import types
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.kept import KeptKind
from pulumi_cmf.lifecycle.kind import state_of
from pulumi_cmf.lifecycle.kubeconfigs import NO_PLACE, free_name, kubeconfig_text, kubeconfigs
from pulumi_cmf.lifecycle.operations import Created, Found, Going, NotReady, Operation, Refused, State
from pulumi_cmf.lifecycle.ownership import find, refreshed
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.waiting import Look, WaitFailed, wait_until

_READY_SECONDS, _DELETE_SECONDS = 180.0, 120.0
_ORDER = (
    "Environments that this same update deletes are deleted after that: delete them, and what is in them, in an update "
    "of their own first"
)
_NOTICE_SECONDS = 3.0
"""Seconds in which CMF notices a changed file. A heartbeat within them may still be the old kubeconfig's."""

_SENT = frozenset({"lifecycle_state", "labels", "annotations"})


class KubernetesClusterInputs(Labelled):
    """What a user says of a cluster."""

    kubeconfig: str
    lifecycle_state: types.LifecycleState | None = None


class KubernetesClusterKind(KeptKind[KubernetesClusterInputs]):
    """Life cycle of clusters."""

    name = "KubernetesCluster"
    outputs = ("uid", "state", "kubernetes_version")
    identity = ("name",)
    secret = ("kubeconfig",)
    defaults: ClassVar[Mapping[str, Any]] = {"lifecycle_state": LifecycleState.ACTIVE.value}
    rule_ids: ClassVar[Mapping[str, str]] = {"lifecycle_state": "C62"}

    def __init__(self) -> None:
        super().__init__(KubernetesClusterInputs)

    def rules(self, inputs: KubernetesClusterInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on name and kubeconfig, and on there being a place for it."""
        yield "name", names.cluster_name(inputs.name)
        yield "kubeconfig", kubeconfig_text(inputs.kubeconfig)
        if settings is not None and not (settings.kubeconfig_directory or settings.kubeconfig_secret):
            yield "kubeconfig", Refusal(400, NO_PLACE, "C17")

    def sent(self, inputs: KubernetesClusterInputs) -> KubernetesCluster:
        """Return labels, annotations and life cycle as CMF takes them; the kubeconfig goes another way."""
        metadata = {"name": inputs.name, "labels": inputs.labels, "annotations": inputs.annotations}
        return KubernetesCluster.parse({"metadata": metadata, "spec": {"lifecycleState": inputs.lifecycle_state}})

    async def foretell_create(self, facts: Facts, news: Mapping[str, Any], mark: str | None) -> Verdict:
        """Foretell that another kubeconfig has its name, or that bound environments keep it from being retired."""
        name, kubeconfig, settings = str(news["name"]), news.get("kubeconfig"), facts.hub.settings
        if isinstance(kubeconfig, str) and settings.kubeconfig_directory is not None:
            store = kubeconfigs(settings)
            try:
                refusal = free_name(name, store.place, await store.get(name), kubeconfig)
            except Refused as error:
                refusal = Refusal(400, str(error), "C17")
            if refusal is not None and not facts.is_going(self.name, name):
                return refusal
        return await self._retires(facts, {}, news)

    async def foretell_update(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Foretell that bound environments keep it from being decommissioned (C41)."""
        return await self._retires(facts, olds, news)

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Foretell the same of its deletion, which decommissions it."""
        name = place["name"]
        found = (await facts.all(KUBERNETES_CLUSTERS)).get(name)
        if found is None or found.spec.lifecycle_state is LifecycleState.DECOMMISSIONED:
            return None
        return decommission(name, [each for each in await facts.bound(name) if not going("Environment", each)])

    async def _retires(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        name, retired = str(news["name"]), LifecycleState.DECOMMISSIONED
        if news.get("lifecycle_state") != retired or olds.get("lifecycle_state") == retired:
            return None
        held = decommission(name, await facts.bound(name))
        return held and replace(held, message=f"{held.message}. {_ORDER}")

    async def create(self, hub: Hub, inputs: KubernetesClusterInputs, operation: Operation) -> Created:
        """Stage the kubeconfig, and wait until the cluster is CONNECTED."""
        store = kubeconfigs(hub.settings)
        staged = await store.get(inputs.name)
        if (refusal := free_name(inputs.name, store.place, staged, inputs.kubeconfig)) is not None:
            raise Refused(refusal.message)
        if staged is None:
            await hub.client.send(KUBERNETES_CLUSTERS.page(size=1))  # nothing is staged for a CMF that is not there
            await store.put(inputs.name, inputs.kubeconfig)
        operation.progress(f"kubeconfig is in {store.place}")
        limit = (inputs.timeouts.create if inputs.timeouts else None) or _READY_SECONDS
        return Created(inputs.name, await self._registered(hub, inputs, None, limit, operation))

    async def read(self, hub: Hub, id_: str, state: Mapping[str, Any]) -> Found | None:
        """Return what CMF has; a kubeconfig that is not the one which was staged counts as not given."""
        found = await refreshed(hub, KUBERNETES_CLUSTERS, id_, state)
        if found is None:
            return None
        present = _present(found)
        given = state.get("kubeconfig")
        if given is not None and await self._is_staged(hub, id_, given):
            present["kubeconfig"] = given
        inputs = self.seen(state, present)
        return Found(id_, {**inputs, **_computed(found)}, inputs)

    def listed_in(self, place: Mapping[str, Any]) -> Collection[KubernetesCluster]:
        """Return where a list of them is."""
        return KUBERNETES_CLUSTERS

    def of_list(self, place: Mapping[str, Any], found: KubernetesCluster) -> Found:
        """Return what a list tells of one."""
        inputs = self.seen({}, _present(found))
        return Found(str(found.name), {**inputs, **_computed(found)}, inputs)

    async def update(
        self, hub: Hub, id_: str, olds: State, inputs: KubernetesClusterInputs, operation: Operation
    ) -> State:
        """Set life cycle and labels; replace the kubeconfig if it changed, and wait until it is in use."""
        found = await find(hub, KUBERNETES_CLUSTERS, id_)
        if found is not None:
            # Before the kubeconfig: a refused life cycle leaves everything as it was.
            found = await self._put(hub, found, inputs, olds, operation)
        store = kubeconfigs(hub.settings)
        rotated = await store.get(id_) != inputs.kubeconfig
        if rotated:
            await store.put(id_, inputs.kubeconfig)
            operation.progress(f"kubeconfig is replaced in {store.place}")
        limit = (inputs.timeouts.update if inputs.timeouts else None) or _READY_SECONDS
        before = _heartbeat(found) if rotated else None
        return await self._registered(hub, inputs, before, limit, operation)

    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Decommission, remove the kubeconfig, and wait until CMF has let go of the cluster.

        Raises:
            BadRequest: environments are bound to it (C41); nothing was changed.
        """
        store = kubeconfigs(hub.settings)
        found = await find(hub, KUBERNETES_CLUSTERS, id_)
        if found is not None and found.spec.lifecycle_state is not LifecycleState.DECOMMISSIONED:
            operation.progress(f"decommissioning KubernetesCluster '{id_}'")
            await _send(hub, id_, {"spec": {"lifecycleState": LifecycleState.DECOMMISSIONED.value}})
        await store.remove(id_)

        async def look() -> Look:
            seen = await find(hub, KUBERNETES_CLUSTERS, id_)
            return Look("gone", done=True) if seen is None else Look(_line(seen))

        limit = (state.get("timeouts") or {}).get("delete") or _DELETE_SECONDS
        what = f"KubernetesCluster '{id_}', whose kubeconfig was removed from {store.place},"
        await wait_until(look, what, "deregistered", limit=limit, clock=hub.clock, progress=operation.progress)

    async def _registered(
        self,
        hub: Hub,
        inputs: KubernetesClusterInputs,
        before: str | None,
        limit: float,
        operation: Operation,
    ) -> State:
        """Wait for the record, set what PUT sets, wait for the connection; return the state."""
        name, started = inputs.name, hub.clock.monotonic()
        what = f"KubernetesCluster '{name}'"
        last: KubernetesCluster | None = None

        async def appeared() -> Look:
            nonlocal last
            last = await find(hub, KUBERNETES_CLUSTERS, name)
            return Look(_line(last) if last else "CMF does not list it yet", done=last is not None)

        async def connected() -> Look:
            nonlocal last
            try:
                last = await hub.client.send(KUBERNETES_CLUSTERS.get(name))
            except NotFound:
                return Look("CMF does not list it any more")
            noticed = hub.clock.monotonic() - started >= _NOTICE_SECONDS and _heartbeat(last) != before
            return _judge(last, inputs, in_use=before is None or noticed)

        def left() -> float:
            return max(0.0, limit - (hub.clock.monotonic() - started))

        goal = "DECOMMISSIONED" if inputs.lifecycle_state == "DECOMMISSIONED" else "CONNECTED"
        try:
            await wait_until(appeared, what, "registered", limit=left(), clock=hub.clock, progress=operation.progress)
            assert last is not None
            last = await self._put(hub, last, inputs, {}, operation)
            await wait_until(connected, what, goal, limit=left(), clock=hub.clock, progress=operation.progress)
        except (WaitFailed, CmfError) as failed:
            hint = f". Is {kubeconfigs(hub.settings).place} what CMF watches? See CMF's log" if last is None else ""
            raise NotReady(name, _state(inputs, last), f"{failed}{hint}") from failed
        return _state(inputs, last)

    async def _put(
        self,
        hub: Hub,
        found: KubernetesCluster,
        inputs: KubernetesClusterInputs,
        olds: Mapping[str, Any],
        operation: Operation,
    ) -> KubernetesCluster:
        """Send life cycle, labels and annotations where they differ; without a life cycle, ACTIVE is asked for."""
        asked = {**self.defaults, **inputs.model_dump(exclude_none=True)}
        differing = self.to_write(_present(found), asked, olds) & _SENT
        if not differing:
            return found
        metadata = {field: getattr(inputs, field) or {} for field in ("labels", "annotations") if field in differing}
        body: dict[str, Any] = {"metadata": metadata} if metadata else {}
        if "lifecycle_state" in differing:
            body["spec"] = {"lifecycleState": asked["lifecycle_state"]}
        answer = await _send(hub, inputs.name, body)
        for field in ("labels", "annotations"):
            if field in differing and not getattr(inputs, field) and getattr(answer.metadata, field):
                operation.warn(f"KubernetesCluster '{inputs.name}' keeps its {field}: CMF cannot clear them (C44, C47)")
        return answer

    async def _is_staged(self, hub: Hub, name: str, text: str) -> bool:
        """Tell whether a kubeconfig is in its place; where the place cannot be seen, it is taken to be there."""
        try:
            return await kubeconfigs(hub.settings).get(name) == text
        except Refused:
            return True


def _judge(seen: KubernetesCluster, inputs: KubernetesClusterInputs, *, in_use: bool) -> Look:
    state, line = (seen.status.state if seen.status else None), _line(seen)
    if inputs.lifecycle_state == "DECOMMISSIONED":
        return Look(line, done=state is ClusterState.DECOMMISSIONED)
    if state is ClusterState.CONNECTED and not in_use:
        return Look(f"no heartbeat with the new kubeconfig yet ({line})")
    return Look(line, done=state is ClusterState.CONNECTED)


def _heartbeat(seen: KubernetesCluster | None) -> str | None:
    return seen.status.last_heartbeat_timestamp if seen and seen.status else None


def _line(seen: KubernetesCluster) -> str:
    if seen.status is None:
        return "no status yet"
    return f"state {seen.status.state}" + (f": {seen.status.message}" if seen.status.message else "")


async def _send(hub: Hub, name: str, body: dict[str, Any]) -> KubernetesCluster:
    metadata = {"name": name, **body.get("metadata", {})}
    sent = KubernetesCluster.parse({**body, "metadata": metadata})
    return await hub.client.send(KUBERNETES_CLUSTERS.put(name, sent)) or sent


def _present(found: KubernetesCluster) -> dict[str, Any]:
    lifecycle = found.spec.lifecycle_state
    return {
        "name": found.name,
        "lifecycle_state": lifecycle.value if lifecycle else None,
        "labels": found.metadata.labels or None,
        "annotations": found.metadata.annotations or None,
    }


def _computed(found: KubernetesCluster | None) -> dict[str, Any]:
    if found is None:
        return {}
    computed = {
        "uid": found.metadata.uid,
        "state": found.status.state.value if found.status else None,
        "kubernetes_version": found.status.kubernetes_version if found.status else None,
    }
    return {key: value for key, value in computed.items() if value is not None}


def _state(inputs: KubernetesClusterInputs, found: KubernetesCluster | None) -> State:
    return state_of(inputs, **_computed(found))
