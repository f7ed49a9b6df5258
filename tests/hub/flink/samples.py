"""Records and operator objects that the tests of this folder start from."""

import json
from pathlib import Path
from typing import Any

from cmf_hub.flink.marks import GENERATION_ANNOTATION, KIND_MARK, UID_LABEL
from cmf_hub.flink.placement import Placement
from cmf_hub.store import Key, Record

TRACES: dict[str, list[dict[str, Any] | None]] = json.loads(
    Path(__file__).with_name("operator_traces.json").read_text()
)
"""What the real operator (1.7.0) wrote over time, reduced to what the hub reads; null: the object is gone."""

NOW = "2026-11-20T10:00:00.000Z"


def record(kind: str, name: str, document: dict[str, Any], scope: str = "prod", **changes: Any) -> Record:
    scope = "" if kind == "Environment" else scope
    fields: dict[str, Any] = {"uid": f"uid-of-{name}", "generation": 1, "created": NOW, "updated": NOW, **changes}
    return Record(Key(kind, scope, name), document=document, **fields)


def environment(**fields: Any) -> Record:
    document = {"name": "prod", "kubernetesNamespace": "flink", "kubernetesClusterName": "spoke-1", **fields}
    return record("Environment", "prod", document)


def application(name: str = "payments", state: str = "running", **changes: Any) -> Record:
    spec = changes.pop("spec", {})
    job = {"jarURI": "local:///opt/job.jar", "parallelism": 2, "upgradeMode": "stateless", "state": state}
    base = {
        "image": "flink:1.19",
        "flinkVersion": "v1_19",
        "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
        "jobManager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
        "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "job": job,
    }
    metadata = {"name": name, **changes.pop("metadata", {})}
    return record("FlinkApplication", name, {"metadata": metadata, "spec": base | spec}, **changes)


def pool(kind: str = "SHARED", state: str | None = None, name: str = "pool", **changes: Any) -> Record:
    cluster_spec = {
        "image": "confluentinc/cp-flink-sql:1.19-cp8",
        "flinkVersion": "v1_19",
        "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "4"},
        "jobManager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
        "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        **changes.pop("cluster_spec", {}),
    }
    spec = {"type": kind, "clusterSpec": cluster_spec} | ({"state": state} if state else {})
    return record("ComputePool", name, {"metadata": {"name": name}, "spec": spec}, **changes)


def statement(name: str = "insert-all", sql: str = "INSERT INTO a SELECT * FROM b", **changes: Any) -> Record:
    spec = {"statement": sql, "computePoolName": "pool", "parallelism": 3, "stopped": False, **changes.pop("spec", {})}
    return record("Statement", name, {"metadata": {"name": name}, "spec": spec}, **changes)


def place(of: Record, on: Record | None = None, within: Record | None = None) -> Placement:
    return Placement(of, within or environment(), on)


def operator_object(
    of: Record, row: dict[str, Any], kind: str = "FlinkDeployment", annotated: int | None = None
) -> dict[str, Any]:
    """The Kubernetes object of a trace's row, made from the given generation of a record."""
    status = {
        "lifecycleState": row.get("lifecycleState"),
        "jobManagerDeploymentStatus": row.get("jobManager"),
        "jobStatus": {"state": row["job"]} if "job" in row else None,
        "error": row.get("error"),
    }
    if "reconciliation" in row:
        spec = {"spec": {}, "resource_metadata": {"metadata": {"generation": row.get("reconciled")}}}
        reconciled = json.dumps(spec) if "reconciled" in row else None
        status["reconciliationStatus"] = {"state": row["reconciliation"], "lastReconciledSpec": reconciled}
    metadata: dict[str, Any] = {
        "name": of.name,
        "namespace": "flink",
        "generation": row["generation"],
        "labels": {UID_LABEL: of.uid, KIND_MARK: of.key.kind},
        "annotations": {GENERATION_ANNOTATION: str(annotated or row["revision"])},
    }
    if row.get("deleting"):
        metadata |= {"deletionTimestamp": "2026-11-20T10:00:00Z", "finalizers": ["flink.apache.org/finalizer"]}
    return {"kind": kind, "metadata": metadata, "status": {k: v for k, v in status.items() if v is not None}}
