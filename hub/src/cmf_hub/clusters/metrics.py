"""Prometheus metrics of clusters."""

from __future__ import annotations

from cmf_core.models import ClusterState
from prometheus_client import Counter, Gauge, Histogram

STATE = Gauge("cmf_cluster_state", "1 for the state that a Kubernetes cluster is in, else 0.", ["cluster", "state"])
TRANSITIONS = Counter(
    "cmf_cluster_transitions", "Changes of a Kubernetes cluster's state; many of them mean flapping.", ["cluster", "to"]
)
PROBES = Counter("cmf_cluster_probes", "Heartbeats by result: success or failure.", ["cluster", "result"])
PROBE_SECONDS = Histogram(
    "cmf_cluster_probe_seconds",
    "Time until a cluster answered a heartbeat, in seconds.",
    ["cluster"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30),
)


def show_state(cluster: str, state: ClusterState, *, changed: bool) -> None:
    """Set the gauges of a cluster."""
    for each in ClusterState:
        STATE.labels(cluster, each).set(each is state)
    if changed:
        TRANSITIONS.labels(cluster, state).inc()


def forget(cluster: str) -> None:
    """Drop the series of a cluster that is gone."""
    for metric in (STATE, TRANSITIONS, PROBES, PROBE_SECONDS):
        metric.remove_by_labels({"cluster": cluster})
