"""What is compared of an object: the same reduction that the recorded traces went through."""

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TRACES = Path(__file__).parent / "traces"
GONE: Json = {"gone": True}


def load(name: str) -> list[Json]:
    """The lines of a recorded trace."""
    return [json.loads(line) for line in (TRACES / f"{name}.jsonl").read_text().splitlines()]


def reduce(resource: Json) -> Json:
    """The comparable state of an object."""
    metadata, status = resource["metadata"], resource.get("status") or {}
    common = _present(
        generation=metadata["generation"],
        deleting="deletionTimestamp" in metadata or None,
        finalizer=bool(metadata.get("finalizers")),
    )
    if resource["kind"] == "FlinkStateSnapshot":
        return common | _present(state=status.get("state"), error=status.get("error"))
    job, reconciled = status.get("jobStatus") or {}, status.get("reconciliationStatus") or {}
    return common | _present(
        lifecycleState=status.get("lifecycleState"),
        jobManagerDeploymentStatus=status.get("jobManagerDeploymentStatus"),
        job=_present(
            state=job.get("state"),
            jobName=bool(job.get("jobName")) or None,
            hasJobId=bool(job.get("jobId")) or None,
            upgradeSavepointPath=bool(job.get("upgradeSavepointPath")) or None,
            startTime=bool(job.get("startTime")) or None,
            updateTime=bool(job.get("updateTime")) or None,
        ),
        savepoint=_savepoint(job.get("savepointInfo") or {}),
        reconciliation=_reconciliation(reconciled),
        taskManager=status.get("taskManager"),
        clusterInfo=sorted(status.get("clusterInfo") or {}),
        error=_error(status.get("error")),
    )


def _savepoint(info: Json) -> Json:
    last = info.get("lastSavepoint") or {}
    return _present(
        triggerId=bool(info.get("triggerId")) or None,
        triggerType=info.get("triggerType"),
        formatType=info.get("formatType"),
        triggerTimestamp=bool(info.get("triggerTimestamp")) or None,
        lastTriggerType=last.get("triggerType"),
        lastFormat=last.get("formatType"),
        lastNonce=last.get("triggerNonce"),
        hasLocation=bool(last.get("location")) or None,
        history=len(info.get("savepointHistory") or []) or None,
    )


def _reconciliation(reconciled: Json) -> Json:
    last = json.loads(reconciled.get("lastReconciledSpec") or "{}")
    stable = json.loads(reconciled.get("lastStableSpec") or "{}")
    job = (last.get("spec") or {}).get("job") or {}
    about = last.get("resource_metadata") or {}
    return _present(
        state=reconciled.get("state"),
        hasTimestamp=bool(reconciled.get("reconciliationTimestamp")) or None,
        specGeneration=(about.get("metadata") or {}).get("generation"),
        firstDeployment=about.get("firstDeployment"),
        specJobState=job.get("state"),
        specUpgradeMode=job.get("upgradeMode"),
        lastStableSpec=bool(stable) or None,
        lastStableGeneration=((stable.get("resource_metadata") or {}).get("metadata") or {}).get("generation"),
    )


def _error(text: str | None) -> Json | None:
    if not text:
        return None
    error = json.loads(text)
    return _present(
        type=error["type"].rpartition(".")[2],
        message=error["message"],
        reason=error["additionalMetadata"].get("reason"),
    )


def _present(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
