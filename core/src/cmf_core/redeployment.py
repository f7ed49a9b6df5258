"""What the Flink Kubernetes Operator does with a change of a deployed specification: new pods, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NO_NEW_PODS = ("imagePullPolicy", "ingress")
_NO_NEW_PODS_JOB = (
    "upgradeMode",
    "savepointTriggerNonce",
    "checkpointTriggerNonce",
    "initialSavepointPath",
    "allowNonRestoredState",
)
_NO_NEW_PODS_CONFIGURATION = ("kubernetes.operator.", "job.autoscaler.")
"""What the operator (1.7.0 to 1.15.0) takes up without stopping the job."""
_NO_NEW_PODS_IF_REMOVED, _NO_NEW_PODS_IF_REMOVED_JOB = "restartNonce", "savepointRedeployNonce"


def needs_new_pods(deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether the operator replaces all pods of a deployment, JobManager and task managers, for a new spec.

    Both are effective specifications, the environment's defaults in them (D17).
    """
    before, after = _of_pods(deployed), _of_pods(wanted)
    if _NO_NEW_PODS_IF_REMOVED not in after:
        before.pop(_NO_NEW_PODS_IF_REMOVED, None)
    if isinstance(before.get("job"), dict) and _NO_NEW_PODS_IF_REMOVED_JOB not in after.get("job", {}):
        before["job"].pop(_NO_NEW_PODS_IF_REMOVED_JOB, None)
    return before != after


def _of_pods(deployed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a deployed spec whose change needs new pods."""
    spec = {key: value for key, value in deployed.items() if key not in _NO_NEW_PODS}
    configuration = (spec.get("flinkConfiguration") or {}).items()
    spec["flinkConfiguration"] = {k: v for k, v in configuration if not k.startswith(_NO_NEW_PODS_CONFIGURATION)}
    if isinstance(spec.get("job"), Mapping):
        spec["job"] = {key: value for key, value in spec["job"].items() if key not in _NO_NEW_PODS_JOB}
    return spec
