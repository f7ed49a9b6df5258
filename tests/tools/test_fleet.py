"""`localfleet up` starts a whole fleet, goes on where it was, and `down` leaves nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from cmf_localfleet import LocalFleetError, ProcessState, Workspace
from cmf_localfleet.connection import connect
from cmf_localfleet.exports import fleet_exports
from cmf_localfleet.fleet import Fleet
from kubernetes.client import ApiextensionsV1Api, CoreV1Api

from tests.support.wait import wait_for

# The first test may have to build what official programs on this machine made unnecessary so far.
pytestmark = pytest.mark.timeout(1800)


def pids(fleet: Fleet) -> dict[str, int | None]:
    found = {process.name: process.pid for process in (fleet.hub, *fleet.standins.values())}
    for name, cluster in fleet.clusters.items():
        found |= {f"{name}/{process.name}": process.pid for process in cluster.processes}
    return found


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet") / "a run", die_with_parent=True)
    try:
        fleet.up()
        yield fleet
    finally:
        fleet.down()


def test_everything_runs_and_the_hub_knows_its_own_cluster_only(fleet: Fleet) -> None:
    assert None not in pids(fleet).values()
    url = f"{fleet.hub_url}/cmf/api/v1/kubernetes-clusters"
    clusters = httpx.get(url, timeout=5, trust_env=False).raise_for_status().json()["items"]
    assert [item["metadata"]["name"] for item in clusters] == ["default-k8s-cluster"]
    assert list(fleet.kubeconfig_directory.iterdir()) == []


def test_each_cluster_has_the_definitions_and_the_namespace(fleet: Fleet) -> None:
    for cluster in fleet.clusters.values():
        with connect(cluster.kubeconfig) as client:
            definitions = ApiextensionsV1Api(client).list_custom_resource_definition(_request_timeout=10)
            assert len(definitions.items) == 3
            assert (
                CoreV1Api(client).read_namespace("flink", _request_timeout=5).to_dict()["status"]["phase"] == "Active"
            )


def test_up_again_changes_nothing(fleet: Fleet) -> None:
    before = pids(fleet)
    fleet.up()
    assert pids(fleet) == before


def test_up_starts_what_has_ended_and_resumes_what_was_paused(fleet: Fleet) -> None:
    before, url = pids(fleet), fleet.hub_url
    fleet.cluster("spoke-1").kill()
    fleet.cluster("spoke-2").pause()
    fleet.hub.stop()
    fleet.up()
    assert fleet.hub_url == url
    after = pids(fleet)
    assert {name for name in before if before[name] != after[name]} == {"spoke-1/local-apiserver", "hub"}
    assert {cluster.state for cluster in fleet.clusters.values()} == {ProcessState.RUNNING}


def test_another_process_sees_the_same_fleet(fleet: Fleet) -> None:
    assert pids(Fleet(fleet.directory)) == pids(fleet)


def test_the_exports_lead_to_it(fleet: Fleet) -> None:
    values = fleet_exports(fleet, Workspace.find())
    assert httpx.get(f"{values['CMF_URL']}/readyz", timeout=5, trust_env=False).status_code == 200
    pairs = dict(pair.split("=", 1) for pair in values["SPOKE_KUBECONFIGS"].split(","))
    for name, path in {**pairs, "hub-cluster": values["HUB_KUBECONFIG"]}.items():
        assert fleet.cluster(name).kubeconfig == Path(path)
        with connect(Path(path)) as client:
            CoreV1Api(client).read_namespace("default", _request_timeout=5)


def test_an_unknown_cluster_is_named(fleet: Fleet) -> None:
    with pytest.raises(LocalFleetError, match="no cluster 'spoke-9'; there are: hub-cluster, spoke-1, spoke-2"):
        fleet.cluster("spoke-9")


def test_the_command_brings_it_up_and_down_and_leaves_nothing(checkout: Workspace) -> None:
    checkout.cache.symlink_to(Workspace.find().cache)
    environment = {**os.environ, "PYTHONPATH": str(checkout.tools / "localfleet" / "src")}

    def localfleet(*arguments: str) -> str:
        command = [sys.executable, "-m", "cmf_localfleet", *arguments]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    try:
        shown = localfleet("up")
        fleet = Fleet(checkout.run)
        running = [pid for pid in pids(fleet).values() if pid]
        assert len(running) == 7
        assert all(str(pid) in shown for pid in running)
        assert localfleet("cluster", "pause", "spoke-1") == "spoke-1: paused\n"
        assert localfleet("cluster", "restart", "spoke-1") == "spoke-1: running\n"
        assert localfleet("cluster", "stop", "spoke-1") == "spoke-1: stopped\n"
        running = [pid for pid in pids(fleet).values() if pid]
        assert localfleet("down", "--keep") == "everything is stopped, its data kept\n"
        assert fleet.cluster("spoke-1").kubeconfig.exists()
    finally:
        said = localfleet("down")
    assert said == "everything is stopped, its data deleted\n"
    wait_for(lambda: not any(_alive(pid) for pid in running), "the end of all processes")
    assert not checkout.run.exists()
    assert "running" not in localfleet("status")


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
