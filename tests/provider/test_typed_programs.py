"""What a type checker says of programs: good ones pass, and a wrong field or value is an error at its line."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

GOOD = """
import pulumi
from pulumi_cmf import ComputePool, Environment, FlinkApplication, KubernetesCluster, Statement
from pulumi_cmf.args import ApplicationDefaultsArgs, FlinkApplicationSpecArgs, FlinkJobArgs, FlinkManagerArgs
from pulumi_cmf.types import FlinkClusterSpec, UpgradeMode

cluster = KubernetesCluster("us-west", kubeconfig=pulumi.Output.secret("text"), lifecycle_state="ACTIVE")
prod = Environment("prod", kubernetes_namespace="flink", kubernetes_cluster_name=cluster.name,
    flink_application_defaults=ApplicationDefaultsArgs(spec={"flink_configuration": {"a": "b"}}))
mode: UpgradeMode = "savepoint"
spec = FlinkApplicationSpecArgs(flink_version="v1_20", job=FlinkJobArgs(jar_uri=cluster.name, upgrade_mode=mode),
    task_manager=FlinkManagerArgs(resource={"cpu": 1, "memory": "2048m"}))
FlinkApplication("orders", environment=prod.name, spec=spec)
FlinkApplication("others", environment="prod", timeouts={"create": 60}, spec={
    "job": {"jar_uri": "local:///j.jar", "parallelism": pulumi.Output.from_input(2), "args": ["--n", cluster.name]},
    "pod_template": {"spec": {"hostNetwork": True}}, "flink_configuration": {"on": True, "slots": 2}})
base: FlinkClusterSpec = {"image": "cp-flink-sql:1.19-cp8"}
pool = ComputePool("pool", environment=prod.name, type="SHARED", cluster_spec={**base, "mode": "standalone"})
Statement("sql", environment="prod", compute_pool_name=pool.name, statement="SELECT 1", stopped=True)
"""

BAD = """
from pulumi_cmf import ComputePool, Environment, FlinkApplication, KubernetesCluster, Savepoint
from pulumi_cmf.args import FlinkJobArgs, FlinkManagerArgs
FlinkJobArgs(jar_url="x")  # error
FlinkJobArgs(upgrade_mode="savepiont")  # error
FlinkManagerArgs(replicas="two")  # error
FlinkApplication("a", environment="e", spec={"job": {"jar_url": "x"}})  # error
FlinkApplication("a", environment="e", spec={"job": {"state": "stopped"}})  # error
FlinkApplication("a", environment="e", spec={"flink_version": "1.20"})  # error
FlinkApplication("a", environment="e", spec={"image_pull_policy": "always"})  # error
FlinkApplication("a", environment="e", spec={"mode": "nativ"})  # error
FlinkApplication("a", environment="e")  # error
ComputePool("a", environment="e", type="BIG", cluster_spec={})  # error
ComputePool("a", environment="e", type="SHARED", cluster_spec={"job": {}})  # error
ComputePool("a", environment="e", type="SHARED", state="ON", cluster_spec={})  # error
KubernetesCluster("a", kubeconfig="x", lifecycle_state="GONE")  # error
Savepoint("a", environment="e", application="x", format_type="ANY")  # error
Environment("a", kubernetes_namespace="n", compute_pool_defaults={"spec": {"flink_configuration": {}}})  # error
Environment("a", kubernetes_namespace="n", timeouts={"creation": 1})  # error
"""


def errors_in(folder: Path, text: str) -> set[int]:
    """Return the lines of a program that mypy finds wrong."""
    program = folder / "program.py"
    program.write_text(text)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.stderr == ""
    return {int(line) for line in re.findall(r"^.*program\.py:(\d+): error", done.stdout, re.MULTILINE)}


def test_good_programs_pass(tmp_path: Path) -> None:
    assert errors_in(tmp_path, GOOD) == set()


def test_each_wrong_field_or_value_is_an_error_at_its_line(tmp_path: Path) -> None:
    expected = {number for number, line in enumerate(BAD.splitlines(), 1) if line.endswith("# error")}
    assert errors_in(tmp_path, BAD) == expected
