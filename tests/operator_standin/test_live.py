"""The command on a real API server: recorded traces, outages, restarts."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cmf_localfleet import LocalCluster, install_crds
from flink_operator_standin import controller, kube
from flink_operator_standin.machine import Key

from tests.operator_standin import deviations, objects
from tests.operator_standin.conftest import Start
from tests.operator_standin.live import LiveCluster
from tests.operator_standin.observed import load
from tests.operator_standin.scenarios import APP, SCENARIOS, deployment, job
from tests.support.wait import wait_for

SESS, SJ = deployment("sess"), job("sj")

# Those whose states do not depend on how soon an act follows the state before it.
TRACES = (
    "a2-app-deploy-default-intervals",
    "d1-session-deploy",
    "d4-sessionjob-no-cluster",
    "e-bad-parallelism",
    "f2-delete-session-with-job",
    "h-standalone-session",
    "k-jar-missing",
    "l-job-fails",
    "m-image-missing",
)


@pytest.mark.parametrize("name", TRACES)
def test_the_states_on_a_real_api_server_are_those_recorded(
    name: str, cluster: LocalCluster, world: LiveCluster, start: Start
) -> None:
    scenario = SCENARIOS[name]
    start(cluster.kubeconfig, "--namespace", world.namespace)
    for given in scenario.given:
        for act in SCENARIOS[given].acts:
            act(world)
        world.wait_for(SCENARIOS[given].key, given, lifecycleState="STABLE")
    for act in scenario.before:
        act(world)
        world.wait_for_job(SJ, "RUNNING")
    acts = list(scenario.acts)
    recorded: list[dict[str, Any]] = []
    for line in load(name):
        if "act" not in line:
            recorded.append(deviations.comparable({key: value for key, value in line.items() if key != "t"}))
            continue
        if recorded:
            _wait_for_state(world, scenario.key, recorded[-1])
        acts.pop(0)(world)
    _wait_for_state(world, scenario.key, recorded[-1])
    seen = [deviations.comparable(state) for state in world.history(scenario.key)]
    if any(SCENARIOS[given].key == scenario.key for given in scenario.given):
        seen = seen[len(seen) - len(recorded) :]
    assert [json.dumps(state, sort_keys=True) for state in seen] == [
        json.dumps(state, sort_keys=True) for state in recorded
    ]


def _wait_for_state(world: LiveCluster, key: Key, wanted: dict[str, Any]) -> None:
    wait_for(lambda: deviations.comparable(world.state(key)) == wanted, f"{wanted}", seconds=60, every=0.05)


def test_events_are_recorded_and_counted(cluster: LocalCluster, world: LiveCluster, start: Start) -> None:
    start(cluster.kubeconfig, "--namespace", world.namespace)
    world.apply(objects.application())
    world.wait_for(APP, "STABLE", lifecycleState="STABLE")
    for nonce in (1, 2):
        world.patch(APP, {"spec": {"restartNonce": nonce}})
        world.wait_for(APP, "the upgrade", lifecycleState="UPGRADING", generation=2 + nonce)
        world.wait_for(APP, "its end", lifecycleState="STABLE", generation=2 + nonce)
    counts = {reason: count for reason, _, count in world.events(APP) if reason in ("Submit", "Suspended")}
    assert counts == {"Submit": 3, "Suspended": 2}


def test_a_stand_in_that_is_stopped_and_started_again_goes_on(
    cluster: LocalCluster, world: LiveCluster, start: Start
) -> None:
    options = ("--namespace", world.namespace, "--speed", "5")
    first = start(cluster.kubeconfig, *options)
    world.apply(objects.session())
    world.apply(objects.session_job())
    world.wait_for(SESS, "the deployment", jobManagerDeploymentStatus="DEPLOYING")
    first.stop()
    assert "stopped" in first.log.read_text()
    start(cluster.kubeconfig, "--namespace", world.namespace)
    world.wait_for(SJ, "the session job", job="RUNNING", lifecycleState="STABLE")
    quiet = world.get(SESS)
    start(cluster.kubeconfig, "--namespace", world.namespace)  # a second one finds nothing to do
    world.apply(objects.session("other"))
    world.wait_for(deployment("other"), "the other cluster", lifecycleState="STABLE")
    assert world.get(SESS) == quiet


def test_only_the_given_namespaces_are_served(cluster: LocalCluster, world: LiveCluster, start: Start) -> None:
    cluster.create_namespace(f"{world.namespace}-other")
    start(cluster.kubeconfig, "--namespace", world.namespace)
    with LiveCluster(cluster.kubeconfig, f"{world.namespace}-other") as other:
        other.apply(objects.session())
        world.apply(objects.session())
        world.wait_for(SESS, "STABLE", lifecycleState="STABLE")
        assert other.state(SESS) == {"generation": 1, "finalizer": False}


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """An API server that the test may hurt, without CRDs at first."""
    with LocalCluster(tmp_path_factory.mktemp("outage") / "cluster", die_with_parent=True) as server:
        yield server


def test_outages_are_outlived(own_cluster: LocalCluster, start: Start) -> None:
    standin = start(own_cluster.kubeconfig)
    wait_for(lambda: "cannot follow" in standin.log.read_text(), "the missing CRDs to be told")
    install_crds(own_cluster.kubeconfig)
    with LiveCluster(own_cluster.kubeconfig, "default") as world:
        world.apply(objects.session())
        world.wait_for(SESS, "STABLE after the CRDs came", lifecycleState="STABLE")
        own_cluster.restart()
        world.apply(objects.session_job())
        world.wait_for(SJ, "RUNNING after a restart", job="RUNNING")
        own_cluster.kill()
        own_cluster.start()
        world.delete(SESS)
        world.delete(SJ)
        world.wait_gone(SJ)
        world.wait_gone(SESS)
        world.apply(objects.application())
        own_cluster.pause()
        own_cluster.resume()
        world.wait_for(APP, "STABLE after a pause", lifecycleState="STABLE")
    standin.check_running()


def test_a_write_that_meets_a_paused_api_server_is_made_after_it(own_cluster: LocalCluster, start: Start) -> None:
    install_crds(own_cluster.kubeconfig)
    with LiveCluster(own_cluster.kubeconfig, "default") as world:
        standin = start(own_cluster.kubeconfig, "--speed", "10")
        world.apply(objects.session("slow"))
        world.wait_for(deployment("slow"), "the deployment", jobManagerDeploymentStatus="DEPLOYING")
        own_cluster.pause()
        try:
            wait_for(lambda: "reconciliation failed" in standin.log.read_text(), "the write to time out", seconds=60)
        finally:
            own_cluster.resume()
        world.wait_for(deployment("slow"), "STABLE after the pause", lifecycleState="STABLE")


@pytest.mark.parametrize("content", [None, "no: kubeconfig", "[]"])
def test_a_bad_kubeconfig_ends_it_with_one_sentence(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    run = subprocess.run(
        [sys.executable, "-m", "flink_operator_standin", "run", "--kubeconfig", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert f"the kubeconfig {path} cannot be used" in run.stderr
    assert "Traceback" not in run.stderr


def test_it_ends_cleanly_while_the_api_server_is_away(tmp_path: Path, cluster: LocalCluster) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig.read_text().replace(f":{cluster.port}", ":1"))
    process = subprocess.Popen(
        [sys.executable, "-m", "flink_operator_standin", "run", "--kubeconfig", kubeconfig],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = [json.loads(process.stderr.readline()) for _ in range(2)]
    assert [line["message"] for line in lines] == ["serving", "cannot follow, trying again"]
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(rest.splitlines()[-1])["message"] == "stopped"


def test_versions_of_an_object_are_told_apart() -> None:
    known = controller.Objects()
    first = {**objects.session(), "metadata": {"name": "sess", "namespace": "default", "resourceVersion": "9"}}
    newer = {**first, "metadata": {**first["metadata"], "resourceVersion": "10"}}
    assert known.put(newer) == (True, None)
    assert known.put(first) == (False, newer)
    assert known.get(*SESS) == newer


def test_a_dead_watch_is_given_up_soon_after_the_server_would_have_ended_it() -> None:
    assert kube.WATCH_SECONDS < kube.WATCH_TIMEOUT
