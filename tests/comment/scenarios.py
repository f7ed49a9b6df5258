"""Changes of one fleet, that previews are recorded of: `python -m tests.comment.record`."""

from pathlib import Path
from typing import Any

CANARY = "CANARY-e5b1"
"""What is in every secret of the fleet, and so must be in no comment."""

POLICIES: dict[str, Any] = {
    "default-labels": {"labels": {"team": "payments"}, "kinds": ["FlinkApplication"]},
    "environment-limits": {"limits": {"payments": {"taskManagers": 4}}},
    "supported-flink-version": "disabled",
}
"""Configuration of the policy pack."""

_HEAD = """
STATE = {{"state.checkpoints.dir": "s3://flink/checkpoints", "state.savepoints.dir": "s3://flink/savepoints"}}
AVAILABLE = {{"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://flink/ha"}}

def app(name, env, slots=2, version="1.4", labels={{"team": "payments"}}, **job):
    return FlinkApplication(name, environment=env.name, labels=labels, spec={{
        "image": f"registry.example.com/{{name}}:{{version}}", "flinkVersion": "v1_20", "serviceAccount": "flink",
        "flinkConfiguration": {{**STATE, "taskmanager.numberOfTaskSlots": slots, "s3.secret-key": "{canary}"}},
        "jobManager": {{"resource": {{"cpu": 0.5, "memory": "1024m"}}}},
        "taskManager": {{"resource": {{"cpu": slots, "memory": "2048m"}}}},
        "job": {{"jarURI": "local:///opt/flink/usrlib/job.jar", "parallelism": 2, "upgradeMode": "savepoint",
                "state": "running", **job}},
    }}, wait_for="accepted")

spoke = KubernetesCluster("spoke-eu", kubeconfig=open({kubeconfig!r}).read() + "\\n# {canary}\\n",
                          labels={{"region": "eu-central"}})
reports = Environment("reports", kubernetes_namespace="flink")
pool = ComputePool("shared-sql", environment=reports.name, type="SHARED", cluster_spec={{
    "image": "confluentinc/cp-flink-sql:1.19-cp8", "flinkVersion": "v1_19",
    "flinkConfiguration": {{**STATE, **AVAILABLE, "taskmanager.numberOfTaskSlots": {slots}}},
    "jobManager": {{"resource": {{"cpu": 1, "memory": "1024m"}}}},
    "taskManager": {{"resource": {{"cpu": 1, "memory": "1024m"}}}}}})
Statement("big-orders", environment=reports.name, compute_pool_name=pool.name, wait_for="accepted",
          statement="INSERT INTO big_orders SELECT * FROM orders WHERE amount > {amount}")
Secret("kafka", data={{"sasl.jaas.config": pulumi.Output.secret("{canary}")}})
payments = Environment("payments", kubernetes_namespace="flink", kubernetes_cluster_name=spoke.name,
    flink_application_defaults={{
        "spec": {{"flinkConfiguration": {{"execution.checkpointing.interval": "{interval}"}}}}}})
"""
_BASE = """
app("orders", payments)
app("fraud", payments, upgradeMode="last-state")
app("audit", payments, upgradeMode="stateless")
app("legacy", payments)
"""
_CHANGED = """
app("orders", payments, slots=4, version="1.5", parallelism=16)
app("fraud", payments, upgradeMode="last-state", state="suspended")
app("audit", payments, upgradeMode="stateless")
app("alerts", reports, labels=None, parallelism=4)
"""


def base(kubeconfig: Path) -> str:
    """Return the program of the fleet."""
    return _head(kubeconfig) + _BASE


def scaled(kubeconfig: Path) -> str:
    """Return a small change: one application gets larger task managers."""
    return _head(kubeconfig) + _BASE.replace('app("orders", payments)', 'app("orders", payments, slots=4)')


def changed(kubeconfig: Path) -> str:
    """Return many changes: new defaults, an upgrade, a suspension, a new application, a deletion, another statement."""
    return _head(kubeconfig, interval="10 s", amount=5000) + _CHANGED


def refused(kubeconfig: Path) -> str:
    """Return changes of which CMF refuses one: a pool with a running statement."""
    return _head(kubeconfig, slots=4, interval="10 s") + _CHANGED


def retired(_: Path) -> str:
    """Return the end of all."""
    return ""


LATER = (scaled, changed, refused, retired)
"""Changes of the fleet that is there."""


def _head(kubeconfig: Path, interval: str = "30 s", amount: int = 1000, slots: int = 2) -> str:
    return _HEAD.format(canary=CANARY, kubeconfig=str(kubeconfig), interval=interval, amount=amount, slots=slots)
