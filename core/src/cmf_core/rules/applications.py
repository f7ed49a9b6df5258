"""Flink applications: what their spec must hold (E19-E21)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.rules.verdict import Refusal, Verdict, rule

UPGRADE_MODES = ("stateless", "savepoint", "last-state")
JOB_STATES = ("running", "suspended")
_REQUIRED_JOB_FIELDS = ("jarURI",)


@rule("E19")
def has_job(application: str, spec: Mapping[str, Any]) -> Verdict:
    """An application defines a job with its jar; a session cluster is a shared compute pool."""
    job = spec.get("job")
    if not isinstance(job, Mapping):
        text = f"FlinkApplication '{application}' has no spec.job: add one (a session cluster is a SHARED ComputePool)"
        return Refusal(422, text, "E19")
    missing = [field for field in _REQUIRED_JOB_FIELDS if not job.get(field)]
    if missing:
        return Refusal(422, f"FlinkApplication '{application}': spec.job.{missing[0]} is missing", "E19")
    return None


@rule("E20", "E21")
def job_enums(application: str, spec: Mapping[str, Any]) -> Verdict:
    """UpgradeMode is stateless, savepoint or last-state; state is running or suspended."""
    job = spec.get("job")
    if not isinstance(job, Mapping):
        return None
    for field, allowed, rule_id in (("upgradeMode", UPGRADE_MODES, "E20"), ("state", JOB_STATES, "E21")):
        value = job.get(field)
        if value is not None and value not in allowed:
            text = f"FlinkApplication '{application}': spec.job.{field} '{value}' is not one of {', '.join(allowed)}"
            return Refusal(422, text, rule_id)
    return None


def is_suspended(spec: Mapping[str, Any]) -> bool:
    """Tell whether a spec asks for a suspended job."""
    return (spec.get("job") or {}).get("state") == "suspended"
