"""Kubernetes clusters: life cycle, availability, labels, heartbeat (C33-C62)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cmf_core.models.kubernetes_cluster import ClusterState, LifecycleState
from cmf_core.rules.verdict import Refusal, Verdict, rule

FAILURES_TO_DISCONNECT = 3
"""Consecutive failed probes after which a cluster is DISCONNECTED (C58)."""


@rule("C33", "C36", "C48", "P51", "P62")
def writable(cluster: str, state: ClusterState, message: str | None = None) -> Verdict:
    """Writes need a CONNECTED cluster; DISCONNECTED and DECOMMISSIONED answer 503."""
    if state is ClusterState.CONNECTED:
        return None
    if state is ClusterState.DECOMMISSIONED:
        text = f"Kubernetes cluster '{cluster}' is DECOMMISSIONED: set its lifecycleState to ACTIVE first"
        return Refusal(503, text, "C36")
    because = f" ({message})" if message else ""
    text = (
        f"Kubernetes cluster '{cluster}' is DISCONNECTED{because}: try again once its heartbeat succeeds, or delete "
        "with force=true to remove only the record"
    )
    return Refusal(503, text, "C33")


@rule("C35", "C37", "P61")
def stale_warning(cluster: str, state: ClusterState, since: str | None) -> str | None:
    """Reads from a cluster that is not CONNECTED carry a warning that the data may be stale."""
    if state is ClusterState.CONNECTED:
        return None
    last = f" since its last heartbeat at {since}" if since else ""
    return f"Kubernetes cluster '{cluster}' is {state}: this is the last known status and may be stale{last}."


@rule("C41")
def decommission(cluster: str, environments: Iterable[str]) -> Verdict:
    """A cluster is not decommissioned while environments are bound to it."""
    bound = sorted(environments)
    if not bound:
        return None
    text = f"Cannot decommission cluster '{cluster}': referenced by environments [{', '.join(bound)}]"
    return Refusal(400, text, "C41")


@rule("C62")
def lifecycle_state(value: object) -> Verdict:
    """LifecycleState is ACTIVE or DECOMMISSIONED."""
    if value is None or value in list(LifecycleState):
        return None
    return Refusal(400, f"spec.lifecycleState '{value}' is not one of ACTIVE, DECOMMISSIONED", "C62")


@rule("C44", "C45", "C46", "C47")
def merged_labels(
    present: Mapping[str, str] | None, sent: Mapping[str, str] | None, *, empty_clears: bool = False
) -> dict[str, str] | None:
    """Labels and annotations: absent or `{}` preserves, a non-empty set replaces all.

    `empty_clears` gives `{}` its meaning of CMF 2.3.1's API text (D1).
    """
    if sent is None or (not sent and not empty_clears):
        return dict(present) if present else None
    return dict(sent) or None


@dataclass(frozen=True)
class Health:
    """Heartbeat bookkeeping of one cluster: consecutive failures, and whether it counts as connected."""

    connected: bool
    failures: int = 0


@rule("C38", "C58", "C59")
def after_probe(health: Health, *, success: bool) -> Health:
    """Three consecutive failed probes disconnect a cluster; one success connects it and resets the count."""
    if success:
        return Health(connected=True)
    failures = health.failures + 1
    return replace(health, failures=failures, connected=health.connected and failures < FAILURES_TO_DISCONNECT)


@rule("C54", "C56", "C57", "C60")
def heartbeat_settings(interval: float, timeout: float) -> Verdict:
    """The heartbeat timeout is positive and not over the interval, unless interval 0 disables heartbeats."""
    if interval < 0:
        return Refusal(400, f"cmf.k8s.heartbeatIntervalSeconds {interval:g} is negative; 0 disables heartbeats", "C54")
    if timeout <= 0:
        return Refusal(400, f"cmf.k8s.heartbeatTimeoutSeconds {timeout:g} must be positive", "C56")
    if interval and timeout > interval:
        text = (
            f"cmf.k8s.heartbeatTimeoutSeconds {timeout:g} exceeds cmf.k8s.heartbeatIntervalSeconds {interval:g}: "
            "lower the timeout or raise the interval"
        )
        return Refusal(400, text, "C57")
    return None
