"""Refusals that a preview tells before anything changes, and what must not be a false alarm."""

import pytest
from cmf_localfleet import LocalCluster

from tests.provider.program import Program, on_both_fronts, operations
from tests.support import hub as samples
from tests.support.hub import Hub, unique

POOL = """
pool = ComputePool("pool", name={pool!r}, environment={environment!r}, type="DEDICATED", cluster_spec={{
    "image": "confluentinc/cp-flink-sql:1.19-cp8", "flink_version": "v1_19",
    "flink_configuration": {{"taskmanager.numberOfTaskSlots": {slots}}},
    "job_manager": {{"resource": {{"cpu": 1, "memory": "1024m"}}}},
    "task_manager": {{"resource": {{"cpu": 1, "memory": "1024m"}}}},
}})
"""
STATEMENT = """
Statement("statement", name={statement!r}, environment={environment!r}, compute_pool_name=pool.name,
          statement="INSERT INTO a SELECT * FROM b", stopped={stopped})
"""
CLUSTER = """
from pathlib import Path
spoke = KubernetesCluster("spoke", name={cluster!r}, kubeconfig=Path({kubeconfig!r}).read_text() + {more!r})
Environment("environment", name={environment!r}, kubernetes_namespace="flink", kubernetes_cluster_name=spoke.name,
            labels={labels!r})
"""


@on_both_fronts
@pytest.mark.rule("P40", "P41")
def test_a_preview_tells_which_statements_block_a_pool(program: Program, environment: str) -> None:
    names = {"environment": environment, "pool": unique("pool"), "statement": unique("statement")}
    running = (POOL + STATEMENT).format(**names, slots=1, stopped=False)
    program.up(running)
    program.preview(running)
    said = program.preview(running.replace('numberOfTaskSlots": 1', 'numberOfTaskSlots": 2'), fails=True)
    assert f"statements {names['statement']} (RUNNING)" in said
    assert "[P40]" in said
    assert "Traceback" not in said
    stopped = (POOL + STATEMENT).format(**names, slots=1, stopped=True)
    program.up(stopped)
    program.up((POOL + STATEMENT).format(**names, slots=2, stopped=True))
    assert program.outputs("pool")["cluster_spec"]["flinkConfiguration"] == {"taskmanager.numberOfTaskSlots": "2"}


@pytest.mark.rule("C33")
def test_a_preview_tells_of_a_dead_cluster_but_not_when_this_update_changes_its_registration(
    program: Program, cmf: Hub, spoke: LocalCluster
) -> None:
    names = {"cluster": unique("spoke"), "environment": unique("environment"), "kubeconfig": str(spoke.kubeconfig)}
    program.up(CLUSTER.format(**names, more="", labels={}))
    staged = cmf.kubeconfigs / names["cluster"]
    dead = staged.read_text().replace(f":{spoke.port}", ":1")
    staged.write_text(dead)
    cmf.connected(names["cluster"], "DISCONNECTED")
    said = program.preview(CLUSTER.format(**names, more="", labels={"a": "b"}), fails=True)
    assert f"'{names['cluster']}' is DISCONNECTED" in said
    assert "[C33]" in said
    program.preview(CLUSTER.format(**names, more="\n", labels={"a": "b"}))
    program.up()
    assert cmf.cluster_state(names["cluster"]) == "CONNECTED"
    assert program.outputs("environment")["labels"] == {"a": "b"}


@pytest.mark.rule("C41")
def test_a_preview_tells_of_environments_that_keep_a_cluster(program: Program, cmf: Hub, spoke: LocalCluster) -> None:
    names = {"cluster": unique("spoke"), "environment": unique("environment"), "kubeconfig": str(spoke.kubeconfig)}
    text = CLUSTER.format(**names, more="", labels={})
    program.up(text)
    said = program.preview(text.replace("+ '')", "+ '', lifecycle_state='DECOMMISSIONED')"), fails=True)
    assert (
        f"Cannot decommission cluster '{names['cluster']}': referenced by environments [{names['environment']}]" in said
    )
    assert cmf.cluster_state(names["cluster"]) == "CONNECTED"


def test_without_a_cmf_a_preview_says_what_it_could_not_check(program: Program, environment: str) -> None:
    text = POOL.format(environment=environment, pool=unique("pool"), slots=1)
    program.environment["CMF_URL"], away = "http://127.0.0.1:1", program.environment["CMF_URL"]
    said = program.preview(text)
    assert "what CMF may refuse is not checked beforehand" in said
    assert "http://127.0.0.1:1 cannot be reached" in said
    program.environment["CMF_URL"] = away


ENVIRONMENT = """
environment = Environment("environment", name={environment!r}, kubernetes_namespace="flink")
"""


@on_both_fronts
@pytest.mark.rule("P49", "C52")
def test_a_preview_tells_what_cmf_will_not_delete(program: Program, cmf: Hub) -> None:
    names = {"environment": unique("environment"), "pool": unique("pool")}
    both = ENVIRONMENT.format(**names) + POOL.format(**names, slots=1).replace(
        f"environment={names['environment']!r}", "environment=environment.name"
    )
    program.up(both)
    place = f"/environments/{names['environment']}"
    cmf.post(f"{place}/statements", samples.statement("foreign", names["pool"])).raise_for_status()
    cmf.until(f"{place}/statements/foreign", "status.phase", "RUNNING")
    said = program.preview(ENVIRONMENT.format(**names), fails=True)
    assert f"pool would be deleted: ComputePool '{names['pool']}' is in use: statements foreign (RUNNING)" in said
    assert "[P49]" in said
    said = program.preview("", fails=True)
    assert f"environment would be deleted: Environment '{names['environment']}' is not empty (1 statements)" in said
    assert "[C52]" in said
    cmf.delete(f"{place}/statements/foreign").raise_for_status()
    cmf.gone(f"{place}/statements/foreign")
    assert "2 to delete" in program.preview("")
    program.up("")
    assert cmf.get(place).status_code == 404


@pytest.mark.rule("TAKEN", "EXISTS")
def test_a_preview_tells_of_what_is_there_already_and_of_what_is_not(program: Program, cmf: Hub) -> None:
    there = cmf.environment("flink").rpartition("/")[2]
    said = program.preview(ENVIRONMENT.format(environment=there), fails=True)
    assert f"Environment '{there}' exists already and was not created by this resource" in said
    assert "[TAKEN]" in said
    said = program.preview(POOL.format(environment="nowhere", pool=unique("pool"), slots=1), fails=True)
    assert "Environment 'nowhere' does not exist. [EXISTS]" in said


@pytest.mark.rule("C49")
def test_what_stays_is_not_taken_for_deleted_where_deletions_would_be_refused(
    program: Program, cmf: Hub, spoke: LocalCluster
) -> None:
    name = unique("lost")
    kubeconfig = spoke.kubeconfig.read_text()

    def text(*, force: bool) -> str:
        return (
            f"cluster = KubernetesCluster({name!r}, kubeconfig={kubeconfig!r})\n"
            f"Environment('at-{name}', kubernetes_cluster_name=cluster.name, kubernetes_namespace='flink', "
            f"force_delete={force})\n"
        )

    program.up(text(force=False))
    spoke.pause()
    try:
        cmf.connected(name, "DISCONNECTED")
        assert operations(program.preview(text(force=True))) == {f"at-{name}": "update"}
    finally:
        spoke.resume()
        cmf.connected(name)


APPLICATION = """
FlinkApplication("job", name={name!r}, environment={environment!r}, wait_for="accepted", spec={spec!r})
"""


@on_both_fronts
@pytest.mark.rule("C49", "C53")
def test_a_preview_tells_what_a_forced_deletion_left_under_the_name(
    program: Program, cmf: Hub, environment: str
) -> None:
    name, place = unique("job"), f"/environments/{environment}/applications"
    cmf.post(place, samples.application(name)).raise_for_status()
    cmf.until(f"{place}/{name}", "status.jobStatus.state", "RUNNING")
    cmf.delete(f"{place}/{name}", params={"force": "true"}).raise_for_status()
    names = {"name": name, "environment": environment}
    runs = APPLICATION.format(**names, spec=samples.application(name)["spec"])
    sentence = f"exists and was left behind by a deleted resource: FlinkApplication {environment}/{name}"
    said = program.preview(runs, fails=True)
    assert sentence in said
    assert "[C53]" in said
    assert "orphans/clean" in said
    program.environment["CMF_FORETELL"] = "false"
    assert sentence in program.up(fails=True)
    del program.environment["CMF_FORETELL"]
    cmf.post("/kubernetes-clusters/default-k8s-cluster/orphans/clean").raise_for_status()
    program.up(runs)


@pytest.mark.rule("C49", "C53")
def test_a_preview_warns_of_what_a_statement_left_under_the_name(program: Program, cmf: Hub, environment: str) -> None:
    pool, name = unique("pool"), unique("statement")
    place = f"/environments/{environment}"
    cmf.post(f"{place}/compute-pools", samples.pool(pool)).raise_for_status()
    cmf.until(f"{place}/compute-pools/{pool}", "status.phase", "RUNNING")
    cmf.post(f"{place}/statements", samples.statement(name, pool)).raise_for_status()
    cmf.until(f"{place}/statements/{name}", "status.phase", "RUNNING")
    cmf.delete(f"{place}/statements/{name}", params={"force": "true"}).raise_for_status()
    again = (
        f"Statement('statement', name={name!r}, environment={environment!r}, compute_pool_name={pool!r}, "
        "statement='INSERT INTO a SELECT * FROM b')"
    )
    said = program.preview(again)
    assert "a deleted Statement left an object of this name in namespace 'flink'" in said
    assert f"Statement {environment}/{name} may be refused" in said
    assert "orphans/clean" in said
    assert "left behind" in program.up(again, fails=True)
    cmf.post("/kubernetes-clusters/default-k8s-cluster/orphans/clean").raise_for_status()
    assert "[C53]" not in program.up(again)


@on_both_fronts
def test_a_preview_asks_as_often_for_many_resources_as_for_one(program: Program, cmf: Hub) -> None:
    def asked() -> float:
        lines = cmf.http.get("/metrics").text.splitlines()
        counts = [line for line in lines if line.startswith('cmf_http_requests_total{method="GET",path="/cmf/')]
        return sum(float(line.rpartition(" ")[2]) for line in counts)

    times = []
    for number in (1, 30):
        before = asked()
        names = [unique("environment") for _ in range(number)]
        program.preview("".join(f"Environment({name!r}, kubernetes_namespace='flink')\n" for name in names))
        times.append(asked() - before)
    assert 0 < times[0] == times[1]
