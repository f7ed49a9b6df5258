"""Official binaries are used where KUBEBUILDER_ASSETS names their folder, on the folders that our own program uses."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster, MissingPrerequisiteError, Workspace
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api

# The first test may have to build what official programs on this machine made unnecessary so far.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """etcd and kube-apiserver as two programs of their own, of the versions that our one program is made of."""
    module = tmp_path_factory.mktemp("module")
    source = Workspace.find().tools / "local-apiserver"
    for file in ("go.mod", "go.sum"):
        shutil.copy(source / file, module)
    built = tmp_path_factory.mktemp("assets")
    packages = {"etcd": "go.etcd.io/etcd/server/v3", "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver"}
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    for name, package in packages.items():
        command = ["go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", str(built / name), package]
        subprocess.run(command, cwd=module, env=environment, check=True, capture_output=True)
    return built


def namespaces(cluster: LocalCluster) -> set[str]:
    with connect(cluster.kubeconfig) as client:
        found = CoreV1Api(client).list_namespace(_request_timeout=5)
    return {item.to_dict()["metadata"]["name"] for item in found.items}


def test_they_serve_a_cluster_that_our_own_program_takes_over(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCluster(tmp_path / "one", die_with_parent=True) as cluster:
        cluster.create_namespace("made-by-ours")
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
        cluster.restart()
        assert [process.name for process in cluster.processes] == ["etcd", "kube-apiserver"]
        assert "made-by-ours" in namespaces(cluster)
        monkeypatch.delenv("KUBEBUILDER_ASSETS")
        cluster.restart()
        assert [process.name for process in cluster.processes] == ["local-apiserver"]
        assert "made-by-ours" in namespaces(cluster)


def test_they_start_from_nothing_pause_and_stop(assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    with LocalCluster(tmp_path / "one", die_with_parent=True) as cluster:
        cluster.pause()
        assert [str(process.state) for process in cluster.processes] == ["paused", "paused"]
        cluster.resume()
        assert "default" in namespaces(cluster)
    assert cluster.processes == []


def test_a_folder_without_them_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(
        MissingPrerequisiteError, match=r"which has no etcd: fetch the binaries with `setup-envtest use`"
    ):
        LocalCluster(tmp_path / "one").start()
