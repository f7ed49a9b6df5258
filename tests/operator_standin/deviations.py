"""Where the stand-in differs from the recordings on purpose. This is the whole list.

Values that are another on every run (ids, timestamps, paths, the job's name, which is in its code, and the figures of
`clusterInfo`) are compared by their presence; times are not compared. `throwableList` of errors is not compared: the
causes of a failed job name the user's code.

Beyond the recordings:
- FlinkStateSnapshot objects are acted on as operator 1.10 does, whose CRD they are; operator 1.7.0 ignores them.
- flinkVersion v1_20 and later are accepted. Operator 1.7.0 stops working altogether while such an object exists, so
  that part of crd110-app is left out.
- An object in which nothing can change is not looked at every 15 s.
"""

import re
from typing import Any

MESSAGES: tuple[tuple[str, str, str], ...] = (
    (r"pod=\S+", "pod=...", "the stand-in has no pods; it names one after the object's uid"),
    (
        r'(failed to resolve reference "[^"]*"): .*',
        r"\1: ...",
        "the recorded machine's container runtime tells of its own registry there",
    ),
    (r"back-off \S+ restarting", "back-off ... restarting", "it doubles with each restart until the operator looks"),
    (r'Back-off pulling image "[^"]*": ErrImagePull: ', "", "said between two tries to pull an image; see REASONS"),
)
"""Pattern, replacement, reason: applied to both sides before messages are compared."""

REASONS = {"ImagePullBackOff": "ErrImagePull"}
"""A reason of an error, and which it stands for: the kubelet gives the one between two tries, the other at a try."""

WITHOUT_EVENTS: dict[str, str] = {
    "h2-standalone-app": "its events were not recorded: its change of scale, at least, is missing among them",
}
"""Scenarios whose events are not compared, and why."""


def comparable(state: dict[str, Any]) -> dict[str, Any]:
    """The state with what is another on every run replaced in its error."""
    if "error" not in state:
        return state
    error = {**state["error"], "message": message(state["error"]["message"])}
    if "reason" in error:
        error["reason"] = REASONS.get(error["reason"], error["reason"])
    return {**state, "error": error}


def message(text: str) -> str:
    """The message with the parts replaced that are another on every run."""
    for pattern, replacement, _ in MESSAGES:
        text = re.sub(pattern, replacement, text)
    return text


FLEETING: tuple[tuple[str, str, str], ...] = (
    ("jobManagerDeploymentStatus", "DEPLOYED_NOT_READY", "the JobManager answers between two looks on a fast machine"),
    ("job.state", "CREATED", "the TaskManager comes between two looks"),
    ("job.state", "FAILING", "the job has FAILED at the next look"),
    ("savepoint.triggerId", "True", "a savepoint is taken between two looks"),
    ("error.message", r".*Could not create Kubernetes cluster.*", "the old Deployment is not gone yet: it tries again"),
)
"""Field, pattern, reason: states that the real operator writes only at times. Recordings have them or not."""

_HUB_READS = ("deleting", "gone", "lifecycleState", "jobManagerDeploymentStatus", "error")


def lasting(state: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the hub reads of a state of a FlinkDeployment; None of a fleeting one."""
    state = comparable({name: value for name, value in state.items() if name != "t"})
    job, savepoint, reconciled = (state.get(name) or {} for name in ("job", "savepoint", "reconciliation"))
    read = {name: state[name] for name in _HUB_READS if name in state} | {
        "job.state": job.get("state"),
        "savepoint.triggerId": savepoint.get("triggerId"),
        "savepoint.hasLocation": savepoint.get("hasLocation"),
        "reconciliation.state": reconciled.get("state"),
        "reconciliation.specJobState": reconciled.get("specJobState"),
    }
    read = {name: value for name, value in read.items() if value is not None}
    told = {**read, "error.message": (state.get("error") or {}).get("message")}
    return None if any(re.fullmatch(pattern, str(told.get(field))) for field, pattern, _ in FLEETING) else read
