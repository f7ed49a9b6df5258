"""A run that is killed leaves nothing that runs, and no more on the disk than logs."""

import sys
from pathlib import Path

import psutil
import pytest
from cmf_localfleet import ManagedProcess, ensure_artifact
from cmf_localfleet.node import NodeCluster, missing_for_nodes

from tests.support.wait import wait_for

_RUN = """
import sys, time
from pathlib import Path
from cmf_localfleet.connection import connect
from cmf_localfleet.node import NodeCluster
from kubernetes.client import CoreV1Api, V1Container, V1ObjectMeta, V1Pod, V1PodSpec

cluster = NodeCluster(Path(sys.argv[1]), die_with_parent=True)
cluster.launch()
cluster.wait_ready()
cluster.import_image(Path(sys.argv[2]))
containers = [V1Container(name="pause", image="localhost/pause:1", image_pull_policy="Never")]
pod = V1Pod(metadata=V1ObjectMeta(name="pause"), spec=V1PodSpec(containers=containers))
with connect(cluster.kubeconfig) as client:
    CoreV1Api(client).create_namespaced_pod("default", pod, _request_timeout=10)
print(cluster.server, flush=True)
time.sleep(600)
"""


def processes(folder: Path) -> list[str]:
    """Return the processes that name a folder."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line]


def in_pods(number: str) -> str:
    """Return the ids of the processes in a node's pods."""
    return "".join(file.read_text() for file in Path(f"/sys/fs/cgroup/memory/cmf-node{number}").rglob("cgroup.procs"))


@pytest.mark.skipif(missing_for_nodes() is not None, reason=str(missing_for_nodes()))
@pytest.mark.timeout(300)
def test_a_run_that_is_killed_leaves_no_process_no_cable_no_image_and_nothing_mounted(tmp_path: Path) -> None:
    folder, run = tmp_path / "killed", ManagedProcess("run", tmp_path, die_with_parent=True)
    run.launch([sys.executable, "-c", _RUN, folder, ensure_artifact("images") / "pause.tar"])

    def address() -> str:
        run.check_running()
        said = run.log.read_text()
        return said if said.endswith("\n") else ""

    number = wait_for(address, "the cluster to start", 120).split(".")[2]
    wait_for(lambda: in_pods(number), "a pod to run", 60)
    assert processes(folder)
    assert (folder / "containerd").exists()
    run.stop(timeout=0)
    wait_for(lambda: not processes(folder), "its processes to end", 60)
    wait_for(lambda: not in_pods(number), "its pods to end", 60)
    wait_for(lambda: not Path(f"/sys/class/net/cmf-node{number}").exists(), "its cable to be gone", 180)
    assert not (folder / "containerd").exists()
    assert not (folder / "kubelet").exists()
    assert (folder / "node/kubelet.log").exists()
    assert str(folder) not in Path("/proc/mounts").read_text()
    again = NodeCluster(folder, die_with_parent=True)  # where the killed one was
    again.launch()
    again.wait_ready()
    again.kill()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/cmf-node{number}"))
