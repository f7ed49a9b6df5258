"""What random programs change in specifications: what some rule refuses, and what all allow."""

from __future__ import annotations

from typing import Any

BAD_DEPLOYMENTS: list[dict[str, Any]] = [
    {"flinkVersion": ""},
    {"flinkConfiguration": {"kubernetes.cluster-id": "mine"}},
    {
        "flinkConfiguration": {
            "high-availability.type": "none",
            "kubernetes.operator.deployment.rollback.enabled": "true",
        }
    },
    {
        "flinkConfiguration": {
            "kubernetes.operator.cluster.health-check.enabled": "true",
            "kubernetes.operator.jm-deployment-recovery.enabled": "false",
        }
    },
    {"ingress": {"className": "nginx"}},
    {"logConfiguration": {"other.properties": "x"}},
    {"jobManager": {"replicas": 0}},
    {"jobManager": {"replicas": 2}, "flinkConfiguration": {"high-availability.type": "none"}},
    {"jobManager": {"resource": {"memory": "plenty"}}},
    {"taskManager": {"resource": {"memory": "plenty"}}},
    {"jobManager": {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}},
    {"taskManager": {"resources": {"limits": {"cpu": "-1"}}}},
    {"flinkConfiguration": {"job.autoscaler.enabled": "true", "job.autoscaler.target.utilization": "-1"}},
]
"""Parts of a deployment that no operator takes (FKO2-FKO30)."""

BAD_APPLICATIONS: list[dict[str, Any]] = [
    *BAD_DEPLOYMENTS,
    {"job": {"parallelism": 0}},
    {"taskManager": {"replicas": 0}},
    {"flinkConfiguration": {"state.checkpoints.dir": ""}, "job": {"upgradeMode": "last-state"}},
    {"flinkConfiguration": {"state.savepoints.dir": ""}, "job": {"savepointTriggerNonce": 4}},
    {"job": {"jarURI": ""}},
    {"job": {"upgradeMode": "sometimes"}},
    {"job": {"state": "walking"}},
    {"job": {"paralelism": 2}},
]
"""Parts of an application's specification that are refused (E19-E21, SHAPE too)."""

BAD_POOLS: list[dict[str, Any]] = [
    *BAD_DEPLOYMENTS,
    {"job": {"jarURI": "local:///x.jar"}},
    {"flinkConfiguration": "none"},
]
"""Parts of a pool's clusterSpec that are refused."""

BAD_DEFAULTS: list[dict[str, Any]] = BAD_DEPLOYMENTS[:6]
"""Parts of an environment's defaults that make every application in it impossible, though its deletion is not."""

BAD_CHANGES: list[dict[str, Any]] = [{"mode": "standalone"}, {"job": {"savepointRedeployNonce": 7}}]
"""Changes of what is deployed that no operator makes (FKO26-FKO28)."""

CHANGES: list[dict[str, Any]] = [
    {"image": "flink:1.20.1"},
    {"job": {"state": "suspended"}},
    {"job": {"parallelism": 3}},
    {"flinkConfiguration": {"state.savepoints.dir": "s3://b/other"}},
]
"""Changes that are allowed."""


def laid(part: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return a specification with a part laid over it."""
    result = {**over}
    for key, value in part.items():
        below = result.get(key)
        result[key] = laid(value, below) if isinstance(value, dict) and isinstance(below, dict) else value
    return result
