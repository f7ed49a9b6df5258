"""Compute pools: what their spec may hold, and what blocks update and deletion (P06-P53)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cmf_core.models.compute_pool import ComputePoolSpec, PoolPhase, PoolState, PoolType
from cmf_core.models.statement import StatementPhase
from cmf_core.rules.deployments import objects_in, pod_specs
from cmf_core.rules.options import high_availability, options_of
from cmf_core.rules.verdict import Advice, Refusal, Verdict, first, rule

_P = StatementPhase
BLOCKING_UPDATE: Mapping[PoolType, frozenset[StatementPhase]] = {
    PoolType.SHARED: frozenset({_P.PENDING, _P.RUNNING, _P.STOPPED, _P.FAILING}),
    PoolType.DEDICATED: frozenset({_P.PENDING, _P.RUNNING, _P.FAILING, _P.FAILED}),
}
"""Phases of statements that block an update of their pool (P38-P41, D2)."""
BLOCKING_DELETE = frozenset({_P.PENDING, _P.RUNNING, _P.STOPPED, _P.FAILING})
"""Phases of statements that block the deletion of their pool, of either type (P49, D3)."""

MANAGED_FIELDS = {"serviceAccount": "P07", "job": "P08"}
RESERVED_VOLUMES = {
    "statement-plan-volume": ("/opt/flink/statement", "P10"),
    "statement-encryption-volume": ("/opt/flink/statement-secret", "P11"),
}
SQL_IMAGE = "cp-flink-sql"
_SQL_IMAGE_BUILD = re.compile(r"cp-flink-sql:[^:]*-cp(\d+)")
SHARED_MINIMUM_BUILD = 7


@dataclass(frozen=True)
class StatementFact:
    """What the pool rules need to know of a statement."""

    name: str
    phase: StatementPhase


@rule("P06", "P07", "P08", "P10", "P11", "P16")
def valid_spec(pool: str, spec: ComputePoolSpec) -> Verdict:
    """A pool's clusterSpec leaves alone what CMF manages, and its state fits its type."""
    cluster = spec.cluster_spec
    return first(
        None if cluster else Refusal(400, f"ComputePool '{pool}': spec.clusterSpec is empty", "P06"),
        _managed_fields(pool, cluster),
        _reserved_volumes(pool, cluster),
        shared_image(pool, spec),
        _state_fits(pool, spec),
    )


def _managed_fields(pool: str, cluster: Mapping[str, Any]) -> Verdict:
    for field, rule_id in MANAGED_FIELDS.items():
        if field in cluster:
            text = f"ComputePool '{pool}': spec.clusterSpec.{field} must not be set, it is managed by CMF: remove it"
            return Refusal(422, text, rule_id)
    return None


def _reserved_volumes(pool: str, cluster: Mapping[str, Any]) -> Verdict:
    for _, spec in pod_specs(cluster):
        mounts = [
            mount for container in objects_in(spec, "containers") for mount in objects_in(container, "volumeMounts")
        ]
        names = {str(named.get("name")) for named in (*objects_in(spec, "volumes"), *mounts)}
        paths = {str(mount.get("mountPath", "")).rstrip("/") for mount in mounts}
        for volume, (path, rule_id) in RESERVED_VOLUMES.items():
            if volume in names or path in paths:
                text = f"ComputePool '{pool}': volume '{volume}' and mount path {path} are reserved for CMF: use others"
                return Refusal(422, text, rule_id)
    return None


@rule("P13")
def shared_image(pool: str, spec: ComputePoolSpec) -> Verdict:
    """A SHARED pool has the build of the image that knows shared clusters, or a later one."""
    build = _SQL_IMAGE_BUILD.search(str(spec.cluster_spec.get("image", "")))
    if spec.type is PoolType.SHARED and build and int(build[1]) < SHARED_MINIMUM_BUILD:
        text = (
            f"ComputePool '{pool}': a SHARED pool needs the cp{SHARED_MINIMUM_BUILD} build of {SQL_IMAGE} or later, "
            f"not '{spec.cluster_spec['image']}'"
        )
        return Refusal(422, text, "P13")
    return None


def _state_fits(pool: str, spec: ComputePoolSpec) -> Verdict:
    if spec.type is PoolType.DEDICATED and spec.state is not None:
        text = f"ComputePool '{pool}': spec.state applies only to SHARED pools: remove it"
        return Refusal(422, text, "P16")
    return None


@rule("P12", "E39")
def image(pool: str, cluster: Mapping[str, Any]) -> Advice | None:
    """A pool's image is cp-flink-sql or based on it; a name proves nothing, so another one is only told."""
    given = str(cluster.get("image") or "")
    if SQL_IMAGE in given:
        return None
    return Advice(f"ComputePool '{pool}': image '{given or 'not set'}' must be based on {SQL_IMAGE} to run SQL", "P12")


@rule("P59", "P60")
def availability(pool: str, kind: PoolType, cluster: Mapping[str, Any]) -> Advice | None:
    """A session cluster has high availability: without it, its loss is the loss of its statements' state."""
    if kind is not PoolType.SHARED or high_availability(options_of(cluster)):
        return None
    text = (
        f"ComputePool '{pool}': without high-availability.type and high-availability.storageDir in flinkConfiguration, "
        "statements lose their state with a JobManager; with them a new one resumes them from their last checkpoint"
    )
    return Advice(text, "P59")


@rule("P17")
def desired_state(spec: ComputePoolSpec) -> PoolState | None:
    """A shared pool is RUNNING unless its spec says SUSPENDED; a dedicated one has no state."""
    return (spec.state or PoolState.RUNNING) if spec.type is PoolType.SHARED else None


@rule("P15")
def immutable_type(pool: str, present: PoolType, sent: PoolType) -> Verdict:
    """A pool keeps its type."""
    if present is sent:
        return None
    return Refusal(422, f"ComputePool '{pool}': spec.type is immutable ({present} to {sent}): create a new pool", "P15")


@rule("P32", "P38", "P39", "P40", "P41", "P45", "P46", "P47")
def updatable(pool: str, kind: PoolType, phase: PoolPhase, statements: Iterable[StatementFact]) -> Verdict:
    """Statements in blocking phases refuse an update, suspension included; a FAILED shared pool takes any."""
    if kind is PoolType.SHARED and phase is PoolPhase.FAILED:
        return None
    blocking = _blocking(statements, BLOCKING_UPDATE[kind])
    if not blocking:
        return None
    rule_id = "P38" if kind is PoolType.SHARED else "P40"
    hint = "delete them, or wait until they are COMPLETED" + (
        " or FAILED" if kind is PoolType.SHARED else " or stop them"
    )
    return Refusal(409, f"ComputePool '{pool}' ({kind}) cannot be updated: {blocking}: {hint}", rule_id)


@rule("P32", "P49", "P53", "P63")
def deletable(pool: str, kind: PoolType, phase: PoolPhase, statements: Iterable[StatementFact]) -> Verdict:
    """Statements in blocking phases refuse a deletion, forced or not; a FAILED shared pool goes (D5)."""
    if kind is PoolType.SHARED and phase is PoolPhase.FAILED:
        return None
    blocking = _blocking(statements, BLOCKING_DELETE)
    if not blocking:
        return None
    text = (
        f"ComputePool '{pool}' is in use: {blocking}: delete them, or wait until they are COMPLETED or FAILED "
        "(force=true does not help)"
    )
    return Refusal(409, text, "P49")


@rule("P55", "P57")
def has_web_ui(pool: str, kind: PoolType, phase: PoolPhase) -> Verdict:
    """Only a shared pool has a Flink web UI, and only while it is RUNNING."""
    if kind is PoolType.DEDICATED:
        text = (
            f"ComputePool '{pool}' is DEDICATED: it has no Flink web UI, and each of its statements has one: "
            "use .../statements/{statement}/flink-web-ui/"
        )
        return Refusal(400, text, "P55")
    if phase is not PoolPhase.RUNNING:
        return Refusal(409, f"ComputePool '{pool}' is {phase}: its Flink web UI is there while it is RUNNING", "P57")
    return None


def _blocking(statements: Iterable[StatementFact], phases: frozenset[StatementPhase]) -> str:
    held = sorted((s.name, s.phase) for s in statements if s.phase in phases)
    return "statements " + ", ".join(f"{name} ({phase})" for name, phase in held) if held else ""
