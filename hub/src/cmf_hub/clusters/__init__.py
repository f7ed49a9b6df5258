"""Kubernetes clusters: who they are, whether they answer, and how to talk to them.

The model is Cluster API's ClusterCache: one small state machine a cluster, and one connection that all
share. `ClusterRegistry` is what the rest of the hub uses; it brings the others together:

    directory, kubeconfig, service_account   what the kubeconfig files say -> credentials, or a refusal
    default_cluster                          the same for the cluster that the hub is in
    connection, refusals, resources          calls to one API server
    transport                                HTTP with credentials and time limits, below them
    services                                 calls through it to services and pods of the cluster
    cluster                                  the state machine of one cluster, without input or output
    heartbeat, probe                         which cluster is probed when, and how
    inspection                               the operator's CRDs, one cluster under two names: warnings
    records                                  what the store keeps of a cluster
    reports, metrics                         who gets to know how a cluster is: store, subscribers, Prometheus

How it behaves, and why:

- *The files decide which clusters there are, the store what is known of them.* Everything starts from a look
  at the whole directory, never from an event: a missed event costs ten seconds, not a cluster. A record
  outlives its file as long as environments are bound to it.
- *No lock is held during a network call, and there is none at all.* All state changes happen in the event
  loop between two awaits. A probe whose cluster was changed meanwhile is cancelled; its answer is not used.
- *New credentials are used at once*, also if they turn out wrong: the file is the truth, and three failed
  heartbeats say so. The alternative, keeping the old ones until the new ones work, hides a mistake until the
  old ones are revoked. A file that is refused changes nothing, because it says nothing that can be used.
- *Being CONNECTED is a memory, not a promise*: up to three intervals old. Calls fail by themselves before that,
  with `ClusterUnavailable`.
- *Metrics and statuses are per cluster and small*; a cluster costs one task, one connection pool and a record.

`services`, `flink` and the composition root import this package; it imports `store`, `clock`, `settings`.
"""

from cmf_hub.clusters.connection import Connection, Listing
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.refusals import KubernetesRefusal, WatchEnded
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.clusters.reports import ClusterEvent
from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT, FlinkResource

__all__ = [
    "FLINK_DEPLOYMENT",
    "FLINK_SESSION_JOB",
    "FLINK_STATE_SNAPSHOT",
    "ClusterCredentials",
    "ClusterEvent",
    "ClusterRegistry",
    "Connection",
    "FlinkResource",
    "KubernetesRefusal",
    "Listing",
    "WatchEnded",
]
