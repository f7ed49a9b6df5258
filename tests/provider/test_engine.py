"""The resources on the real Pulumi engine: preview, up, refresh, destroy, and what the user reads."""

import json
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster

from tests.provider.lines import CLUSTER_SPEC, SPEC, application, environment, pool, statement
from tests.provider.program import Program, on_both_fronts, operations
from tests.support import hub as samples
from tests.support.hub import Hub, Spoke, lookup, unique
from tests.support.wait import wait_for


def is_plain(said: str) -> bool:
    """Tell whether a user reads sentences: no traceback, no frame of gRPC."""
    return "Traceback" not in said and "Exception calling application" not in said


@on_both_fronts
def test_an_environment_and_an_application_from_create_to_destroy(program: Program, cmf: Hub) -> None:
    env, app = unique("env"), unique("app")
    text = environment(env, labels={"team": "a"}) + application(app) + 'pulumi.export("state", app.lifecycle_state)\n'
    assert operations(program.preview(text)) == {env: "create", app: "create"}
    said = program.up()
    assert operations(said) == {env: "created", app: "created"}
    assert "waiting until it is STABLE" in said
    assert json.loads(program.run("stack", "output", "--json")) == {"state": "STABLE"}
    assert program.outputs(app)["job_state"] == "RUNNING"

    assert "3 unchanged" in program.up()
    assert "3 unchanged" in program.refresh()
    program.preview(None, "--expect-no-changes")

    changed = environment(env, labels={"team": "b"}) + application(app, slots=4)
    preview = program.preview(changed, "--diff")
    assert 'taskmanager.numberOfTaskSlots: "2" => "4"' in preview
    assert operations(program.up()) == {env: "updated", app: "updated"}
    path = f"/environments/{env}/applications/{app}"
    sent = cmf.get(path).json()
    assert lookup(sent, "spec.flinkConfiguration") == {"taskmanager.numberOfTaskSlots": "4"}
    assert isinstance(lookup(sent, "spec.job.parallelism"), int)
    assert program.outputs(app)["lifecycle_state"] == "STABLE"

    program.run("destroy", "--yes", "--skip-preview")
    assert cmf.get(f"/environments/{env}").status_code == 404


def test_gone_and_changed_resources_are_seen_by_refresh(program: Program, cmf: Hub) -> None:
    env, app = unique("env"), unique("app")
    program.up(environment(env) + application(app))
    path = f"/environments/{env}/applications/{app}"
    assert cmf.post(f"{path}/suspend").status_code == 200
    program.refresh()
    assert operations(program.preview()) == {app: "update"}
    assert operations(program.up()) == {app: "updated"}
    assert lookup(cmf.get(path).json(), "status.lifecycleState") == "STABLE"
    cmf.delete(path)
    cmf.gone(path)
    assert operations(program.refresh())[app] == "deleted"
    assert operations(program.up())[app] == "created"


@on_both_fronts
@pytest.mark.rule("P15")
def test_what_cannot_change_replaces_and_takes_along_what_stands_on_it(program: Program, cmf: Hub) -> None:
    env, shared, sql = unique("env"), unique("pool"), unique("sql")
    program.up(environment(env) + pool(shared) + statement(sql, "INSERT INTO a SELECT 1"))
    replaced = environment(env) + pool(shared, type="DEDICATED") + statement(sql, "INSERT INTO a SELECT 1")
    assert operations(program.preview(replaced)) == {shared: "replace", sql: "replace"}
    program.up()
    assert lookup(cmf.get(f"/environments/{env}/compute-pools/{shared}").json(), "status.phase") == "DEDICATED"
    other = environment(env) + pool(shared, type="DEDICATED") + statement(sql, "INSERT INTO a SELECT 2")
    assert operations(program.preview(other)) == {sql: "replace"}
    program.up()
    assert program.outputs(sql)["statement"] == "INSERT INTO a SELECT 2"


def test_another_cluster_replaces_an_environment(program: Program, cmf: Hub, spoke: LocalCluster) -> None:
    env, cluster, name = unique("env"), unique("spoke"), unique("pool")
    register = f"cluster = KubernetesCluster({cluster!r}, kubeconfig=open({str(spoke.kubeconfig)!r}).read())\n"
    dedicated = pool(name, type="DEDICATED")
    program.up(register + environment(env) + dedicated)
    moved = f"env = Environment({env!r}, kubernetes_namespace='flink', kubernetes_cluster_name=cluster.name)\n"
    assert operations(program.preview(register + moved + dedicated)) == {env: "replace", name: "replace"}
    program.up()
    assert cmf.get(f"/environments/{env}").json()["kubernetesClusterName"] == cluster
    assert cmf.get(f"/environments/{env}/compute-pools/{name}").status_code == 200


@on_both_fronts
@pytest.mark.rule("P07", "P14", "C07", "FKO1")
def test_refusals_are_sentences(program: Program) -> None:
    env = unique("env")
    for wrong, told in (
        (pool("pool-one", type="BIG"), "input should be 'DEDICATED' or 'SHARED' [P14]"),
        (pool("pool-two", cluster_spec={"service_account": "me"}), "it is managed by CMF: remove it [P07]"),
        (
            "app = FlinkApplication('appl', environment='env1', spec={'image': 'flink'})\n",
            "resource 'appl' has a problem: spec.job: FlinkApplication 'appl' has no spec.job: add one",
        ),
        (
            "KubernetesCluster('spoke', kubeconfig='CANARY: {{')\n",
            "resource 'spoke' has a problem: kubeconfig: the kubeconfig is not YAML: give the text of the file",
        ),
        (pool("pool.three"), "a letter first, then lower-case letters, digits and '-', no dots [FKO1]"),
    ):
        said = program.preview(environment(env) + wrong, fails=True)
        assert told in said
        assert is_plain(said)
        assert "CANARY" not in said
    said = program.up(environment(env, kubernetes_cluster_name="nowhere"), fails=True)
    assert (
        f"resource '{env}' has a problem: Environment's kubernetesClusterName 'nowhere' does not exist. [C07]" in said
    )
    assert is_plain(said)


def test_settings_that_are_missing_and_a_cmf_that_is_not_there_are_told(program: Program, tmp_path: Path) -> None:
    program.write(environment("env-1"))
    url = program.environment.pop("CMF_URL")
    said = program.preview(fails=True)
    assert "cmf:url is not set: run `pulumi config set cmf:url http://HOST:PORT`, or set CMF_URL" in said
    program.run("config", "set", "cmf:url", "http://127.0.0.1:1")
    said = program.up(fails=True)
    assert "error: CMF at http://127.0.0.1:1 cannot be reached" in said
    assert is_plain(said)
    program.run("config", "set", "cmf:url", url)
    assert operations(program.up(environment(name := unique("env")))) == {name: "created"}


def test_what_is_not_known_at_preview_passes(program: Program) -> None:
    env, name, app = unique("env"), unique("pool"), unique("app")
    unknown = (
        environment(env)
        + f"unknown = env.created_time.apply(lambda time: time and {name!r})\n"
        + f"pool = ComputePool({name!r}, environment=env.name, name=unknown, type='DEDICATED',"
        + " labels={'made': unknown},"
        + f" cluster_spec={{**{CLUSTER_SPEC!r}, 'image': unknown.apply(lambda _: {CLUSTER_SPEC['image']!r})}})\n"
        + f"app = FlinkApplication({app!r}, environment=unknown.apply(lambda _: {env!r}), spec={{**{SPEC!r},"
        + " 'flink_configuration': {'a.b': unknown}, 'flinkConfiguration': None})\n"
    )
    assert operations(program.preview(unknown)) == {env: "create", name: "create", app: "create"}
    program.up()
    assert program.outputs(name)["labels"] == {"made": name}
    assert program.outputs(app)["spec"]["flinkConfiguration"] == {"a.b": name}
    assert "4 unchanged" in program.preview()


@on_both_fronts
def test_a_create_that_was_not_ready_is_recorded_and_awaited_by_the_next_update(program: Program, cmf: Hub) -> None:
    env, name = unique("env"), unique("pool")
    slow = {**CLUSTER_SPEC, "flinkConfiguration": {"standin.delay": "6"}}
    text = environment(env) + pool(name, cluster_spec=slow, timeouts={"create": 1, "update": 60})
    said = program.up(text, fails=True)
    assert f"ComputePool '{name}' in environment '{env}' was not RUNNING within 1 s: phase PENDING" in said
    assert is_plain(said)
    uid = program.outputs(name)["uid"]
    assert operations(program.up()) == {name: "updated"}
    assert program.outputs(name)["phase"] == "RUNNING"
    assert (
        program.outputs(name)["uid"]
        == uid
        == cmf.get(f"/environments/{env}/compute-pools/{name}").json()["metadata"]["uid"]
    )
    assert "3 unchanged" in program.up()


@on_both_fronts
def test_a_create_that_was_killed_is_taken_up_again(program: Program, cmf: Hub) -> None:
    env, name = unique("env"), unique("pool")
    slow = {**CLUSTER_SPEC, "flinkConfiguration": {"standin.delay": "8"}}
    program.write(environment(env) + pool(name, cluster_spec=slow))
    with program.running("up", "--yes", "--skip-preview") as running:
        path = f"/environments/{env}/compute-pools/{name}"
        wait_for(lambda: cmf.get(path).status_code == 200, "the pool to be posted")
        uid = cmf.get(path).json()["metadata"]["uid"]
        running.kill()
    program.run("cancel", "--yes")
    said = program.up()
    assert operations(said)[name] == "created"
    assert program.outputs(name)["uid"] == uid
    assert program.outputs(name)["phase"] == "RUNNING"


@pytest.mark.rule("P38", "C33")
def test_blocked_and_unavailable_resources_are_told_in_the_hub_s_words(
    program: Program, cmf: Hub, fleet: dict[str, Spoke]
) -> None:
    spoke, cluster, env, shared, sql = (
        fleet["spoke"].cluster,
        unique("dead"),
        unique("env"),
        unique("pool"),
        unique("sql"),
    )
    register = f"cluster = KubernetesCluster({cluster!r}, kubeconfig=open({str(spoke.kubeconfig)!r}).read())\n"
    there = f"env = Environment({env!r}, kubernetes_namespace='flink', kubernetes_cluster_name=cluster.name)\n"
    program.up(register + there + pool(shared) + statement(sql, "INSERT INTO a SELECT 1"))
    bigger = {**CLUSTER_SPEC, "taskManager": {"resource": {"memory": "2048m", "cpu": 1}}}
    blocked = register + there + pool(shared, cluster_spec=bigger) + statement(sql, "INSERT INTO a SELECT 1")
    said = program.preview(blocked, fails=True)
    assert (
        f"ComputePool '{shared}' (SHARED) cannot be updated: statements {sql} (RUNNING): delete them, or wait" in said
    )
    assert is_plain(said)
    said = program.up(fails=True)
    assert "or wait until they are COMPLETED or FAILED" in said
    assert "[P38]" in said
    url = program.environment.pop("CMF_URL")
    program.environment["CMF_URL"] = "http://127.0.0.1:1"
    said = program.preview()
    assert operations(said) == {shared: "update"}
    assert "warning: what CMF may refuse is not checked beforehand: CMF at http://127.0.0.1:1 cannot" in said
    program.environment["CMF_URL"] = url
    spoke.stop()
    try:
        cmf.connected(cluster, "DISCONNECTED")
        said = program.up(register + there + pool(shared) + statement(sql, "INSERT INTO a SELECT 2"), fails=True)
        assert f"Kubernetes cluster '{cluster}' is DISCONNECTED" in said
        assert is_plain(said)
    finally:
        spoke.start()
    cmf.connected(cluster)
    assert operations(program.up()) == {sql: "replaced"}


@on_both_fronts
@pytest.mark.rule("C15")
def test_no_secret_is_in_state_or_output_and_rotation_is_an_update(
    program: Program, cmf: Hub, spoke: LocalCluster, tmp_path: Path
) -> None:
    cluster, kubeconfig = unique("spoke"), tmp_path / "kubeconfig"
    first = f"{spoke.kubeconfig.read_text()}\n# CANARY-one\n"
    kubeconfig.write_text(first)
    program.environment["CMF_TOKEN"] = "CANARY-token"
    program.write(f"KubernetesCluster({cluster!r}, kubeconfig=open({str(kubeconfig)!r}).read())\n")
    said = program.run("preview", "--diff", "--debug")
    said += program.run("up", "--yes", "--skip-preview", "--debug", "--logtostderr", "-v=5")
    uid = program.outputs(cluster)["uid"]
    kubeconfig.write_text(f"{spoke.kubeconfig.read_text()}\n# CANARY-two\n")
    preview = program.run("preview", "--diff", "--debug")
    assert operations(program.preview()) == {cluster: "update"}
    said += preview + program.run("up", "--yes", "--skip-preview", "--debug")
    assert (cmf.kubeconfigs / cluster).read_text() == kubeconfig.read_text()
    assert program.outputs(cluster)["uid"] == uid
    (cmf.kubeconfigs / cluster).write_text(first)
    said += program.refresh()
    assert operations(program.preview()) == {cluster: "update"}
    kubeconfig.write_text(
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {token: CANARY-three}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\ncurrent-context: c\n"
    )
    program.write(
        f"KubernetesCluster({cluster!r}, kubeconfig=open({str(kubeconfig)!r}).read(), timeouts={{'update': 4}})\n"
    )
    failed = program.up(fails=True)
    assert "was not CONNECTED within" in failed
    said += failed + program.run("stack", "export")
    assert '"ciphertext"' in said
    secret_line = next(line for line in first.splitlines() if "key-data" in line).split()[-1]
    for secret in ("CANARY", secret_line, secret_line[:60]):
        assert secret not in said


def test_resources_that_are_managed_elsewhere_can_be_read(program: Program, cmf: Hub) -> None:
    path = cmf.environment("flink", labels={"x": "y"})
    name = path.rpartition("/")[2]
    cmf.post(f"{path}/compute-pools", samples.pool("theirs", "DEDICATED"))
    program.up(
        f"env = Environment.get('env', {name!r})\n"
        f"pool = ComputePool.get('pool', '{name}/theirs')\n"
        "home = KubernetesCluster.get('home', 'default-k8s-cluster')\n"
        "pulumi.export('read', [env.kubernetes_namespace, pool.type, pool.phase, home.state])\n"
    )
    read = json.loads(program.run("stack", "output", "--json"))["read"]
    assert read == ["flink", "DEDICATED", "DEDICATED", "CONNECTED"]
    program.run("destroy", "--yes", "--skip-preview")
    assert cmf.get(f"{path}/compute-pools/theirs").status_code == 200
