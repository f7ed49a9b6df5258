"""Updates of the real engine that end in the middle: afterwards stack and hub agree, and nothing is there twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cmf_localfleet import Workspace

from tests.provider.conftest import running_hub
from tests.provider.lines import SPEC, application, environment
from tests.provider.program import Program, on_both_fronts, operations
from tests.support.faults import Fault, FaultProxy
from tests.support.hub import Hub, Spoke, unique
from tests.support.wait import wait_for


@pytest.fixture(scope="module")
def cmf(fleet: dict[str, Spoke], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that these tests may crash."""
    with running_hub(fleet, tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def network(cmf: Hub, program: Program) -> Iterator[FaultProxy]:
    """The program's way to the hub."""
    with FaultProxy(str(cmf.http.base_url)).serve() as serving:
        program.environment["CMF_URL"] = serving.url
        yield serving
        serving.clear()
        program.environment["CMF_URL"] = str(cmf.http.base_url)


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
@pytest.mark.parametrize(("program", "delivered"), [("plugin", False), ("dynamic", True)], indirect=["program"])
def test_an_engine_that_is_killed_at_a_write(
    program: Program, network: FaultProxy, cmf: Hub, operation: str, *, delivered: bool
) -> None:
    env, name = unique("env"), unique("app")
    path = f"/environments/{env}/applications/{name}"
    program.up(environment(env) + ("" if operation == "create" else application(name)))
    wanted = environment(env) + {
        "create": application(name), "update": application(name, slots=3), "delete": ""
    }[operation]  # fmt: skip
    uid = None if operation == "create" else cmf.get(path).json()["metadata"]["uid"]
    program.write(wanted)
    method = "DELETE" if operation == "delete" else "POST"
    fault = network.plan(Fault(method, f"/{env}/applications", hold=True, delivered=delivered))
    with program.running("up", "--yes", "--skip-preview") as running:
        fault.wait_reached()
        running.kill()
    network.clear()
    made = cmf.get(path)
    program.run("cancel", "--yes")
    program.refresh()
    program.up()
    found = cmf.get(path)
    assert found.status_code == (404 if operation == "delete" else 200)
    if operation != "delete":
        expected = made.json()["metadata"]["uid"] if made.status_code == 200 else uid
        assert expected in (None, found.json()["metadata"]["uid"]), "it is the same application, not a second one"
        assert program.outputs(name)["uid"] == found.json()["metadata"]["uid"]
    assert "unchanged" in program.run("up", "--yes", "--skip-preview", "--expect-no-changes")


@on_both_fronts
def test_a_hub_that_crashes_during_an_update(program: Program, cmf: Hub, network: FaultProxy) -> None:
    env, name = unique("env"), unique("app")
    program.write(environment(env) + application(name))
    fault = network.plan(Fault("POST", f"/{env}/applications", hold=True, delivered=True))
    with program.running("up", "--yes", "--skip-preview") as running:
        fault.wait_reached()
        cmf.crash()
        fault.released.set()
        stdout, stderr = running.said(program.timeout)
    assert running.returncode == 0, stdout + stderr
    assert operations(stdout)[name] == "created"
    assert program.outputs(name)["uid"] == cmf.get(f"/environments/{env}/applications/{name}").json()["metadata"]["uid"]


@pytest.mark.parametrize("program", ["plugin"], indirect=True)
def test_what_is_interrupted_while_it_waits_is_recorded(program: Program, cmf: Hub, network: FaultProxy) -> None:
    env, name = unique("env"), unique("app")
    program.write(environment(env) + application(name))
    path = f"/environments/{env}/applications/{name}"
    fault = network.plan(Fault("GET", path, hold=True, nth=2))
    with program.running("up", "--yes", "--skip-preview") as running:
        wait_for(lambda: cmf.get(path).status_code == 200, "the application to be posted")
        fault.wait_reached()
        running.interrupt()
        running.said(program.timeout)
    assert running.returncode != 0
    network.clear()
    uid = cmf.get(path).json()["metadata"]["uid"]
    program.refresh()
    program.up()
    assert program.outputs(name)["uid"] == uid


@on_both_fronts
@pytest.mark.rule("C33")
def test_a_cluster_that_dies_during_a_create(program: Program, cmf: Hub, fleet: dict[str, Spoke]) -> None:
    spoke, cluster, env, name = fleet["spoke"].cluster, unique("dying"), unique("env"), unique("app")
    slow = {**SPEC, "flinkConfiguration": {"standin.delay": "20"}}
    program.write(
        f"cluster = KubernetesCluster({cluster!r}, kubeconfig=open({str(spoke.kubeconfig)!r}).read())\n"
        f"env = Environment({env!r}, kubernetes_namespace='flink', kubernetes_cluster_name=cluster.name)\n"
        + application(name, spec=slow, timeouts={"create": 10})
    )
    path = f"/environments/{env}/applications/{name}"
    with program.running("up", "--yes", "--skip-preview") as running:
        wait_for(lambda: cmf.get(path).status_code == 200, "the application to be posted", program.timeout)
        uid = cmf.get(path).json()["metadata"]["uid"]
        spoke.stop()
        try:
            said = "".join(running.said(program.timeout))
            assert running.returncode != 0, said
            assert "was not STABLE within 10 s" in said
            cmf.connected(cluster, "DISCONNECTED")
        finally:
            spoke.start()
    cmf.connected(cluster)
    program.write((program.folder / "__main__.py").read_text().replace("'create': 10", "'create': 60, 'update': 60"))
    program.up()
    assert program.outputs(name)["uid"] == uid
    assert cmf.get(path).json()["metadata"]["uid"] == uid


@on_both_fronts
def test_of_two_stacks_that_want_one_name_one_gets_it(
    program: Program, cmf: Hub, tmp_path: Path, fleet: dict[str, Spoke]
) -> None:
    (tmp_path / "other").mkdir()
    other = Program(tmp_path / "other", Workspace.find(), plugin=program.plugin, stack="rival")
    other.environment |= {key: program.environment[key] for key in ("CMF_URL", "CMF_KUBECONFIG_DIRECTORY")}
    other.start()
    env = unique("env")
    for each in (program, other):
        each.write(environment(env))
    with program.running("up", "--yes") as first, other.running("up", "--yes") as second:
        ended = {running: "".join(running.said(program.timeout)) for running in (first, second)}
    losers = [running for running in ended if running.returncode]
    assert len(losers) == 1, ended
    assert f"Environment '{env}' exists already" in ended[losers[0]]
    assert [len(each.resources()) for each in (program, other)].count(1) == 1
    other.end()
    program.end()
    assert cmf.get(f"/environments/{env}").status_code == 404
