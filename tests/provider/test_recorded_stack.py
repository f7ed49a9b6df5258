"""A stack that the first version of the provider wrote is refreshed, updated and destroyed by the present one."""

import json
from pathlib import Path

from cmf_localfleet import LocalCluster

from tests.provider.program import Program, operations
from tests.support import hub as samples
from tests.support.hub import Hub

RECORDED = Path(__file__).with_name("recorded") / "first-version.json"


def test_a_stack_of_the_first_version_lives_on(program: Program, cmf: Hub, spoke: LocalCluster, tmp_path: Path) -> None:
    cmf.register("recorded-spoke", spoke.kubeconfig)
    labels = {"metadata": {"name": "recorded-spoke", "labels": {"region": "north"}}}
    cmf.put("/kubernetes-clusters/recorded-spoke", labels).raise_for_status()
    environment = {"metadata": {"name": "recorded-env", "labels": {"team": "a"}}, "name": "recorded-env"}
    cmf.post("/environments", {**environment, "kubernetesNamespace": "flink"}).raise_for_status()
    inside = "/environments/recorded-env"
    cmf.post(f"{inside}/compute-pools", samples.pool("recorded-pool")).raise_for_status()
    cmf.post(f"{inside}/applications", samples.application("recorded-app")).raise_for_status()
    cmf.until(f"{inside}/compute-pools/recorded-pool", "status.phase", "RUNNING")
    sql = samples.statement("recorded-sql", "recorded-pool", statement="INSERT INTO a SELECT 1")
    cmf.post(f"{inside}/statements", sql).raise_for_status()

    text = RECORDED.read_text().replace('\\"KUBECONFIG\\"', json.dumps(json.dumps(spoke.kubeconfig.read_text()))[1:-1])
    assert text != RECORDED.read_text()
    state = tmp_path / "state.json"
    state.write_text(text)
    program.run("stack", "import", "--file", str(state))
    before = program.resources()
    assert len(before) == 5

    said = operations(program.refresh())
    assert not {name for name, done in said.items() if done == "deleted"}
    spec = {
        "image": "flink:1.20",
        "flink_version": "v1_20",
        "service_account": "flink",
        "flink_configuration": {"taskmanager.numberOfTaskSlots": 4},
        "job_manager": samples.RESOURCES,
        "task_manager": samples.RESOURCES,
        "job": {
            "jar_uri": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "parallelism": 2,
            "upgrade_mode": "stateless",
            "state": "running",
        },
    }
    cluster_spec = samples.pool("x")["spec"]["clusterSpec"]
    said = operations(
        program.up(
            f"KubernetesCluster('recorded-spoke', kubeconfig=open({str(spoke.kubeconfig)!r}).read(),"
            " labels={'region': 'south'})\n"
            "env = Environment('recorded-env', kubernetes_namespace='flink', labels={'team': 'b'})\n"
            f"pool = ComputePool('recorded-pool', environment=env.name, type='SHARED', cluster_spec={cluster_spec!r})\n"
            f"FlinkApplication('recorded-app', environment=env.name, spec={spec!r})\n"
            "Statement('recorded-sql', environment=env.name, compute_pool_name=pool.name,"
            " statement='INSERT INTO a SELECT 1')\n"
        )
    )
    changed = {name for name, done in said.items() if done == "updated"}
    assert changed == {"recorded-spoke", "recorded-env", "recorded-app"}
    assert set(said.values()) == {"updated"}
    found = cmf.get(f"{inside}/applications/recorded-app").json()
    assert found["spec"]["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] == "4"
    program.run("destroy", "--yes", "--skip-preview")
    assert cmf.get(inside).status_code == 404
    assert cmf.get("/kubernetes-clusters/recorded-spoke").status_code == 404
