"""The registry with real files, real time and a real API server: registration, rotation, outage, end."""

import base64
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cmf_core.errors import ClusterUnavailable
from cmf_core.models import DEFAULT_CLUSTER, ClusterState
from cmf_hub.clock import SystemClock
from cmf_hub.clusters import FLINK_DEPLOYMENT, ClusterRegistry, KubernetesRefusal
from cmf_hub.settings import Settings
from cmf_hub.store import Store
from cmf_localfleet import LocalCluster

from tests.hub.clusters.sockets import sockets_to
from tests.support.wait import eventually


class Fleet:
    """A registry that follows a directory, and whose default cluster is the local one."""

    def __init__(self, folder: Path, cluster: LocalCluster) -> None:
        self.cluster = cluster
        self.kubeconfigs = folder / "kubeconfigs"
        self.kubeconfigs.mkdir()
        self.settings = Settings(
            k8s_kubeconfig_directory=self.kubeconfigs,
            k8s_default_cluster_kubeconfig=cluster.kubeconfig,
            k8s_heartbeat_interval_seconds=0.5,
            k8s_heartbeat_timeout_seconds=0.5,
        )

    async def start(self, database: Path) -> None:
        self.store = await Store.open(database)
        self.registry = ClusterRegistry(self.store, self.settings, SystemClock())
        await self.registry.start()

    async def stop(self) -> None:
        await self.registry.stop()
        await self.store.close()

    def write(self, name: str, token: str | None = None) -> None:
        """Put the cluster's kubeconfig there, with its administrator's certificate or with a token."""
        document = yaml.safe_load(self.cluster.kubeconfig.read_text())
        if token is not None:
            document["users"][0]["user"] = {"token": token}
        temporary = self.kubeconfigs / f".{name}"
        temporary.write_text(yaml.safe_dump(document))
        temporary.rename(self.kubeconfigs / name)

    def remove(self, name: str) -> None:
        (self.kubeconfigs / name).unlink()

    def is_state(self, name: str, state: ClusterState) -> bool:
        return name in self.registry.names() and self.registry.state(name)[0] is state

    def token(self, name: str) -> str | None:
        connection = self.registry.connection(name) if name in self.registry.names() else None
        return connection.credentials.token if connection else None

    async def reaches(self, name: str, state: ClusterState) -> None:
        await eventually(lambda: self.is_state(name, state), f"{name} to be {state}")


@pytest.fixture
async def fleet(tmp_path: Path, cluster: LocalCluster) -> AsyncIterator[Fleet]:
    started = Fleet(tmp_path, cluster)
    await started.start(tmp_path / "cmf.db")
    yield started
    await started.stop()


def status(fleet: Fleet, name: str) -> dict[str, Any]:
    found = fleet.registry.get(name).status
    assert found is not None
    return found.wire()


@pytest.mark.rule("C02", "C05", "C10", "C13", "C14", "C17", "C21", "C25", "C28", "C55")
async def test_a_cluster_from_its_file_to_its_end(fleet: Fleet, cluster: LocalCluster) -> None:
    await fleet.reaches(DEFAULT_CLUSTER, ClusterState.CONNECTED)
    assert (await fleet.registry.require_writable(DEFAULT_CLUSTER).version()).startswith("v1.")
    fleet.write("spoke")
    await fleet.reaches("spoke", ClusterState.CONNECTED)
    assert status(fleet, "spoke")["kubernetesVersion"].startswith("v1.")
    # Both names lead to the one cluster of this test.
    await eventually(lambda: "same Kubernetes cluster" in status(fleet, "spoke")["message"], "the warning")
    fleet.remove("spoke")
    await eventually(lambda: "spoke" not in fleet.registry.names(), "spoke to be deregistered")


@pytest.mark.rule("C15", "C63")
async def test_rotated_credentials_are_used_and_the_old_connection_is_closed(
    fleet: Fleet, namespace: str, token_of: Callable[[str], str]
) -> None:
    fleet.write("spoke")
    await fleet.reaches("spoke", ClusterState.CONNECTED)
    uid, former = fleet.registry.get("spoke").metadata.uid, fleet.registry.require_writable("spoke")
    assert await former.get(FLINK_DEPLOYMENT, namespace, "app") is None
    fleet.write("spoke", token_of("powerless"))
    await eventually(lambda: fleet.registry.connection("spoke") is not former, "the new connection")
    await fleet.reaches("spoke", ClusterState.CONNECTED)
    assert fleet.registry.get("spoke").metadata.uid == uid
    with pytest.raises(KubernetesRefusal, match=f"system:serviceaccount:{namespace}:powerless"):
        await fleet.registry.require_writable("spoke").get(FLINK_DEPLOYMENT, namespace, "app")
    with pytest.raises(ClusterUnavailable, match="its kubeconfig was replaced or removed"):
        await former.get(FLINK_DEPLOYMENT, namespace, "app")


@pytest.mark.rule("C33", "C35", "C38", "C39", "C56", "C58")
async def test_an_outage_and_its_end_need_no_hand(fleet: Fleet, cluster: LocalCluster) -> None:
    fleet.write("spoke")
    await fleet.reaches("spoke", ClusterState.CONNECTED)
    cluster.pause()
    try:
        await fleet.reaches("spoke", ClusterState.DISCONNECTED)
        last = status(fleet, "spoke")["lastHeartbeatTimestamp"]
        with pytest.raises(ClusterUnavailable, match=r"'spoke' is DISCONNECTED .*did not answer in time"):
            fleet.registry.require_writable("spoke")
        assert "kubernetesVersion" not in status(fleet, "spoke")
    finally:
        cluster.resume()
    await fleet.reaches("spoke", ClusterState.CONNECTED)
    assert status(fleet, "spoke")["lastHeartbeatTimestamp"] > last
    fleet.registry.require_writable("spoke")


async def test_rotations_leave_no_files_and_no_sockets(
    fleet: Fleet, tmp_path: Path, namespace: str, token_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for token in [token_of(f"account-{n}") for n in range(6)]:
        fleet.write("spoke", token)
        await eventually(lambda token=token: fleet.token("spoke") == token, "the new token")  # type: ignore[misc]
        await fleet.reaches("spoke", ClusterState.CONNECTED)
    # Each of the two clusters asks three things at the same time, at most.
    await eventually(lambda: len(sockets_to(fleet.cluster)) <= 6, "the sockets of former connections to be closed")
    assert os.listdir(temporary) == []  # noqa: PTH208
    # Little may be done with these tokens, but enough for a heartbeat without a warning.
    await eventually(lambda: status(fleet, "spoke")["message"] == "Cluster is connected", "no warning")


@pytest.mark.rule("C03")
async def test_a_pod_uses_its_service_account(
    tmp_path: Path, cluster: LocalCluster, token_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path / "serviceaccount"
    mounted.mkdir()
    authority = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority-data"]
    (mounted / "ca.crt").write_bytes(base64.b64decode(authority))
    (mounted / "token").write_text(token_of("hub") + "\n")
    monkeypatch.setattr("cmf_hub.clusters.service_account.FOLDER", mounted)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(cluster.port))
    pod = Fleet(tmp_path, cluster)
    pod.settings = pod.settings.model_copy(update={"k8s_default_cluster_kubeconfig": None})
    await pod.start(tmp_path / "cmf.db")
    try:
        await pod.reaches(DEFAULT_CLUSTER, ClusterState.CONNECTED)
        connection = pod.registry.require_writable(DEFAULT_CLUSTER)
        assert connection.credentials == replace(
            connection.credentials, token=(mounted / "token").read_text().strip(), client_key=None
        )
    finally:
        await pod.stop()
