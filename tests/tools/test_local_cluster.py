"""A local cluster is a real one that can be stopped, restarted and paused, and leaves nothing behind."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from cmf_localfleet import LocalCluster, ProcessState, Workspace, install_crds
from cmf_localfleet.connection import connect
from cmf_localfleet.errors import ProcessFailedError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from kubernetes.client import CoreV1Api, CustomObjectsApi, V1ConfigMap, V1ObjectMeta, VersionApi
from urllib3.exceptions import HTTPError, ReadTimeoutError

from tests.support.wait import wait_for

# The first test may have to build what official programs on this machine made unnecessary so far.
pytestmark = pytest.mark.timeout(1800)


@contextmanager
def core(cluster: LocalCluster) -> Iterator[CoreV1Api]:
    with connect(cluster.kubeconfig) as client:
        yield CoreV1Api(client)


def write(cluster: LocalCluster, name: str, value: str) -> None:
    config_map = V1ConfigMap(metadata=V1ObjectMeta(name=name), data={"value": value})
    with core(cluster) as api:
        api.create_namespaced_config_map("default", config_map, _request_timeout=5)


def read(cluster: LocalCluster, name: str, timeout: float = 5) -> str:
    with core(cluster) as api:
        found = api.read_namespaced_config_map(name, "default", _request_timeout=timeout)
    assert found.data is not None
    return str(found.data["value"])


def test_restart_keeps_data_port_and_credentials(cluster: LocalCluster) -> None:
    write(cluster, "kept", "before")
    port, kubeconfig = cluster.port, cluster.kubeconfig.read_text()
    cluster.stop()
    assert cluster.state is ProcessState.STOPPED
    with pytest.raises(HTTPError):
        read(cluster, "kept")
    cluster.start()
    assert (cluster.port, cluster.kubeconfig.read_text()) == (port, kubeconfig)
    assert read(cluster, "kept") == "before"


def test_data_survives_a_crash(cluster: LocalCluster) -> None:
    write(cluster, "survivor", "here")
    cluster.kill()
    cluster.start()
    assert read(cluster, "survivor") == "here"


def test_requests_to_a_paused_cluster_time_out_and_resuming_heals_it(cluster: LocalCluster) -> None:
    write(cluster, "paused", "value")
    cluster.pause()
    try:
        assert str(cluster.state) == "paused"
        with pytest.raises(ReadTimeoutError):
            read(cluster, "paused", timeout=0.5)
    finally:
        cluster.resume()
    assert str(cluster.state) == "running"
    assert read(cluster, "paused") == "value"


def test_a_paused_cluster_can_be_stopped(tmp_path: Path) -> None:
    with LocalCluster(tmp_path / "one", die_with_parent=True) as one:
        one.pause()
        one.stop()
        assert one.state is ProcessState.STOPPED


def test_two_clusters_start_at_once_and_share_nothing(cluster: LocalCluster, tmp_path: Path) -> None:
    pair = [LocalCluster(tmp_path / name, die_with_parent=True) for name in ("one", "two")]
    try:
        for one in pair:
            one.launch()
        for one in pair:
            one.wait_ready()
        assert len({cluster.port, *(one.port for one in pair)}) == 3
        pair[0].create_namespace("only-in-one")
        with core(pair[1]) as api:
            names = [item.to_dict()["metadata"]["name"] for item in api.list_namespace(_request_timeout=5).items]
        assert "default" in names
        assert "only-in-one" not in names
    finally:
        for one in pair:
            one.kill()


def test_another_process_finds_the_cluster_and_stops_it(tmp_path: Path) -> None:
    with LocalCluster(tmp_path / "one", die_with_parent=True) as one:
        other = LocalCluster(tmp_path / "one")
        assert (other.state, other.port) == (ProcessState.RUNNING, one.port)
        other.stop()
        assert one.state is ProcessState.STOPPED


def test_a_closed_cluster_leaves_no_process(tmp_path: Path) -> None:
    with LocalCluster(tmp_path / "one", die_with_parent=True) as one:
        pids = [process.pid for process in one.processes]
        assert pids
    assert not [pid for pid in pids if pid and psutil.pid_exists(pid)]
    assert not list((tmp_path / "one").glob("*.pid"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_killed_test_run_leaves_no_process(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from cmf_localfleet import LocalCluster

cluster = LocalCluster(Path(sys.argv[1]), die_with_parent=True)
cluster.launch()
print(cluster.processes[0].pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "one")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    wait_for(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE,
        f"the end of process {pid}",
    )


def test_a_start_that_fails_says_why(cluster: LocalCluster, tmp_path: Path) -> None:
    taken = LocalCluster(tmp_path / "taken", port=cluster.port, die_with_parent=True)
    with pytest.raises(ProcessFailedError, match=r"(?s)ended by itself.*address already in use"):
        taken.start()
    assert taken.state is ProcessState.STOPPED


def test_it_reports_the_kubernetes_version_it_was_built_of(cluster: LocalCluster) -> None:
    go_mod = (Workspace.find().tools / "local-apiserver" / "go.mod").read_text()
    match = re.search(r"k8s\.io/kubernetes (v\S+)", go_mod)
    assert match is not None
    with connect(cluster.kubeconfig) as client:
        assert VersionApi(client).get_code(_request_timeout=5).git_version == match[1]


def test_the_client_key_is_one_that_flink_can_read(cluster: LocalCluster) -> None:
    user = yaml.safe_load(cluster.kubeconfig.read_text())["users"][0]["user"]
    key = load_pem_private_key(base64.b64decode(user["client-key-data"]), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)


def test_files_with_keys_are_the_owners_only(cluster: LocalCluster) -> None:
    modes = {file.name: file.stat().st_mode & 0o077 for file in cluster.directory.glob("*") if file.suffix == ".key"}
    modes["kubeconfig"] = cluster.kubeconfig.stat().st_mode & 0o077
    files = ("admin.key", "ca.key", "kubeconfig", "server.key", "service-account.key")
    assert modes == dict.fromkeys(files, 0)


def test_flinks_definitions_are_installed_and_checked(cluster: LocalCluster) -> None:
    installed = install_crds(cluster.kubeconfig)
    assert installed == install_crds(cluster.kubeconfig)
    assert [name.partition(".")[0] for name in installed] == [
        "flinkdeployments",
        "flinksessionjobs",
        "flinkstatesnapshots",
    ]
    deployment = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "job"},
        "spec": {"flinkVersion": "v1_20", "unknown": "field"},
    }
    with connect(cluster.kubeconfig) as client:
        api = CustomObjectsApi(client)
        created = api.create_namespaced_custom_object(
            "flink.apache.org", "v1beta1", "default", "flinkdeployments", deployment, _request_timeout=20
        )
    # The definition's schema is at work: it drops what it does not know.
    assert json.loads(json.dumps(created))["spec"] == {"flinkVersion": "v1_20"}
