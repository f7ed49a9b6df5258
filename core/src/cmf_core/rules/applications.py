"""Flink applications: what their spec must hold (E17, E19-E21, E33)."""

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


@rule("E33")
def durable_upgrade(application: str, spec: Mapping[str, Any]) -> Verdict:
    """Stateful upgrades need a checkpoint directory, savepoint upgrades a savepoint directory too.

    `spec` is the merged one, with the environment's defaults in it.
    """
    job = spec.get("job") or {}
    mode = job.get("upgradeMode")
    configuration = spec.get("flinkConfiguration") or {}
    if mode in ("savepoint", "last-state") and not configured(configuration, "state.checkpoints.dir"):
        text = (
            f"FlinkApplication '{application}': upgradeMode {mode} needs state.checkpoints.dir in flinkConfiguration "
            "(here or in the environment's flinkApplicationDefaults)"
        )
        return Refusal(422, text, "E33")
    if mode == "savepoint" and not configured(configuration, "state.savepoints.dir"):
        text = (
            f"FlinkApplication '{application}': upgradeMode savepoint needs state.savepoints.dir in flinkConfiguration"
        )
        return Refusal(422, text, "E33")
    return None


_NAMES = {
    "state.checkpoints.dir": ("state.checkpoints.dir", "execution.checkpointing.dir"),
    "state.savepoints.dir": ("state.savepoints.dir", "execution.checkpointing.savepoint-dir"),
}
"""Flink 1 keys and what Flink 2 calls them."""


def configured(configuration: Mapping[str, Any], key: str) -> bool:
    """Tell whether a Flink configuration, flat or nested, sets `key` or its Flink 2 name."""
    return any(_lookup(configuration, name) for name in _NAMES.get(key, (key,)))


def _lookup(configuration: Mapping[str, Any], key: str) -> Any:
    if configuration.get(key):
        return configuration[key]
    for head, value in configuration.items():
        if isinstance(value, Mapping) and key.startswith(f"{head}."):
            found = _lookup(value, key[len(head) + 1 :])
            if found:
                return found
    return None


def is_suspended(spec: Mapping[str, Any]) -> bool:
    """Tell whether a spec asks for a suspended job."""
    return (spec.get("job") or {}).get("state") == "suspended"
