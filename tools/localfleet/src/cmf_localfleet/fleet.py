"""The fleet that ``make up`` starts: a hub's cluster, two spokes, an operator stand-in on each, and a hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from cmf_localfleet.cluster import LocalCluster
from cmf_localfleet.crds import install_crds
from cmf_localfleet.errors import LocalFleetError
from cmf_localfleet.ports import free_port, is_free
from cmf_localfleet.processes import ManagedProcess, ProcessState
from cmf_localfleet.progress import step
from cmf_localfleet.services import start_hub, start_standin

HUB_CLUSTER = "hub-cluster"
SPOKES = ("spoke-1", "spoke-2")
NAMESPACES = ("flink",)
"""Namespaces that are made on every cluster."""

_DEFAULT_HUB_PORT = 8080


class Fleet:
    """A fleet below ``directory``; whichever process makes the object, it finds the same clusters and hub.

    The hub's own cluster is given to it as its default one. The spokes are not: registering them is the
    business of a Pulumi program, which puts their kubeconfigs into :attr:`kubeconfig_directory`.
    """

    def __init__(self, directory: Path, *, die_with_parent: bool = False) -> None:
        self.directory = directory
        self.kubeconfig_directory = directory / "kubeconfigs"
        self._die_with_parent = die_with_parent
        self.clusters = {
            name: LocalCluster(directory / "clusters" / name, name=name, die_with_parent=die_with_parent)
            for name in (HUB_CLUSTER, *SPOKES)
        }
        self.standins = {name: self._process(f"standin-{name}") for name in self.clusters}
        self.hub = self._process("hub")

    @property
    def hub_url(self) -> str:
        """Address of the hub.

        Raises:
            LocalFleetError: The fleet has never been started.
        """
        port = self._remembered_hub_port()
        if port is None:
            raise LocalFleetError(f"There is no fleet in {self.directory}: start it with `make up`.")
        return f"http://127.0.0.1:{port}"

    @property
    def hub_settings(self) -> dict[str, str]:
        """Environment variables that the hub is started with."""
        return {
            "CMF_HOST": "127.0.0.1",
            "CMF_PORT": self.hub_url.rpartition(":")[2],
            "CMF_DATABASE": str(self.directory / "hub.sqlite"),
            "CMF_K8S_KUBECONFIG_DIRECTORY": str(self.kubeconfig_directory),
            "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(self.clusters[HUB_CLUSTER].kubeconfig),
            # Short, so that an outage is seen while one is looking: three times two seconds.
            "CMF_K8S_HEARTBEAT_INTERVAL_SECONDS": "2",
            "CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS": "1",
        }

    def cluster(self, name: str) -> LocalCluster:
        """Return a cluster by name.

        Raises:
            LocalFleetError: There is none of that name.
        """
        if name not in self.clusters:
            raise LocalFleetError(f"There is no cluster {name!r}; there are: {', '.join(self.clusters)}.")
        return self.clusters[name]

    def up(self) -> None:
        """Start what does not run, and wait until everything serves. A paused cluster is resumed.

        Raises:
            LocalFleetError: Something did not start; what did keeps running, and `up` again goes on from there.
        """
        self.kubeconfig_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        clusters = self.clusters.values()
        with step("Starting Kubernetes API servers"):
            for cluster in clusters:
                if cluster.state is ProcessState.PAUSED:
                    cluster.resume()
                cluster.launch()
            for cluster in clusters:
                cluster.wait_ready()
        with step("Installing the Flink operator's CRDs and starting its stand-ins") as report:
            for cluster in clusters:
                report(cluster.name)
                for namespace in NAMESPACES:
                    cluster.create_namespace(namespace)
                install_crds(cluster.kubeconfig)
                standin = self.standins[cluster.name]
                start_standin(
                    cluster.kubeconfig, self.directory, name=standin.name, die_with_parent=self._die_with_parent
                )
        with step("Starting the hub"):
            self._choose_hub_port()
            start_hub(self.hub_settings, self.directory, name=self.hub.name, die_with_parent=self._die_with_parent)
        for standin in self.standins.values():
            standin.check_running()

    def down(self, *, keep: bool = False) -> None:
        """Stop everything and, unless ``keep``, delete the fleet's folder with all its data."""
        for process in (self.hub, *self.standins.values()):
            process.stop()
        for cluster in self.clusters.values():
            if keep:
                cluster.stop()
            else:
                cluster.kill()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _process(self, name: str) -> ManagedProcess:
        return ManagedProcess(name, self.directory, die_with_parent=self._die_with_parent)

    @property
    def _memory(self) -> Path:
        return self.directory / "fleet.json"

    def _remembered_hub_port(self) -> int | None:
        if not self._memory.is_file():
            return None
        port: int = json.loads(self._memory.read_text())["hubPort"]
        return port

    def _choose_hub_port(self) -> None:
        if self.hub.state is not ProcessState.STOPPED:
            return
        candidates = (self._remembered_hub_port() or _DEFAULT_HUB_PORT, _DEFAULT_HUB_PORT)
        port = next((port for port in candidates if is_free(port)), None) or free_port()
        self._memory.write_text(json.dumps({"hubPort": port}) + "\n")
