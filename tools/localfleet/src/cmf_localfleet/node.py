"""A local Kubernetes cluster with a node on which pods run: real kubelet, containerd and kube-proxy, by root on Linux.

The node lives in network, mount, pid, uts and ipc namespaces of its own; all of it ends when the node's first process
does. This machine reaches it over one virtual cable: the API server is at an address of its own, pods are reached
through the API server only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO

import psutil
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from cmf_localfleet import sweeper
from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.cluster import REQUEST_TIMEOUT, LocalCluster
from cmf_localfleet.connection import connect
from cmf_localfleet.errors import LocalFleetError, MissingPrerequisiteError, ProcessFailedError, last_lines
from cmf_localfleet.prerequisites import require_command
from cmf_localfleet.processes import ManagedProcess
from cmf_localfleet.waiting import wait_until
from cmf_localfleet.workspace import Workspace

_NAMESPACES = ("--net", "--mount", "--uts", "--ipc", "--pid")
_COMMANDS = ("containerd", "ctr", "runc", "ip", "iptables", "nft", "conntrack", "nsenter", "unshare")
_PLUGINS = Path("/usr/lib/cni")
_CGROUPS = Path("/sys/fs/cgroup")
_SLOTS = range(1, 60)
"""Numbers of nodes: each has an address 10.222.NUMBER.2 and a cable of its own."""


def missing_for_nodes() -> str | None:
    """Return what this machine lacks for nodes, as a sentence; None if it can run them."""
    if not hasattr(os, "geteuid") or not _CGROUPS.is_dir():
        return "local nodes need Linux"
    if os.geteuid() != 0:
        return "local nodes need root: namespaces, mounts and control groups are made for them"
    try:
        for command in _COMMANDS:
            require_command(command)
    except MissingPrerequisiteError as error:
        return str(error)
    if not (_PLUGINS / "bridge").is_file():
        return f"{_PLUGINS}/bridge is missing: install it (Debian: `apt install containernetworking-plugins`)."
    tried = subprocess.run(
        [*_namespaces(), "ip", "link", "set", "lo", "up"], capture_output=True, text=True, timeout=30, check=False
    )
    if tried.returncode != 0 or not os.access(_CGROUPS, os.W_OK):
        told = tried.stderr.strip() or f"{_CGROUPS} is read-only"
        return f"local nodes need a root that may make namespaces and control groups, as in no usual container: {told}"
    return None


def _namespaces() -> list[str]:
    """Return the command that runs another one in namespaces of its own."""
    return [require_command("unshare"), *_NAMESPACES, "--fork", "--mount-proc", "--kill-child"]


class NodeCluster(LocalCluster):
    """A cluster whose pods run. It has a controller manager, a scheduler, and DNS for pods.

    Deleting a namespace deletes what is in it; garbage is collected; Deployments become pods. Images come from
    archives (:meth:`import_image`): it fetches none. Started again after :meth:`stop` it is a new cluster. When the
    node ends, however it ends, what images and pods had on the disk is removed; logs stay.

    Args:
        directory: Data, certificates, kubeconfig and logs; made if missing. What is left of an earlier cluster there
            is removed first.
        name: Name in the kubeconfig and of the node; by default that of the folder.
        die_with_parent: See :class:`~cmf_localfleet.processes.ManagedProcess`.
    """

    def __init__(self, directory: Path, *, name: str | None = None, die_with_parent: bool = False) -> None:
        super().__init__(directory, name=name, port=6443, die_with_parent=die_with_parent)
        self._node = ManagedProcess("node", directory, die_with_parent=die_with_parent)
        self._sweeper = ManagedProcess("sweeper", directory)  # it ends by itself after the node
        self._slot: IO[str] | None = None
        self._number = 0

    @property
    def address(self) -> str:
        """Address of the node and its API server."""
        return f"10.222.{self._number}.2"

    @property
    def server(self) -> str:
        """Address of the API server."""
        return f"https://{self.address}:{self.port}"

    def launch(self) -> None:
        """Start the node and its API server, and do not wait.

        Raises:
            LocalFleetError: This machine cannot run nodes.
        """
        missing = missing_for_nodes()
        if missing:
            raise LocalFleetError(missing)
        if self._node.pid is None:
            self.kill()
            self._take_slot()
            shutil.rmtree(self.directory, ignore_errors=True)
            for folder in ("node/run", "node/lib/cni", "node/log/pods", "node/log/containers", "node/kernel"):
                (self.directory / folder).mkdir(parents=True)
            (self.directory / "cni-configuration").mkdir()
            self._launch_node()
        self.launch_server()

    def launch_server(self) -> None:
        """Start the API server unless it runs: after it was stopped, it goes on with its data and the node as it is."""
        enter = [require_command("nsenter"), f"--target={self._init}", "--net", str(ensure_artifact("apiserver"))]
        serve = ["--dir", str(self.directory), "--name", self.name, "--address", self.address, "--nodes"]
        self._both.launch([*enter, *serve, "--port", str(self.port)])

    def stop_server(self) -> None:
        """Kill the API server, with etcd, as a crash would. Pods go on."""
        self._both.stop(timeout=0)

    def wait_ready(self, timeout: float = 120.0) -> None:
        """Wait until pods can be run.

        Raises:
            ProcessFailedError: They cannot after ``timeout`` seconds.
        """
        super().wait_ready(timeout)
        if not wait_until(self._has_node, timeout, interval=0.2):
            log = self.directory / "node/kubelet.log"
            raise ProcessFailedError(
                f"The node of {self.name} was not ready after {timeout:.0f} s. The end of {log}:\n{last_lines(log)}"
            )

    def stop(self, timeout: float = 5.0) -> None:
        """End the cluster with all its pods, and remove what the kernel keeps of it."""
        try:
            super().stop(timeout)
            self._node.stop(timeout=0)
            self._sweep()
            if not wait_until(lambda: self._sweeper.pid is None, 60, interval=0.05):
                raise ProcessFailedError(f"The files of images and pods of {self.name} are not removed after a minute.")
        finally:
            if self._slot is not None:
                self._slot.close()
                self._slot = None

    def run(self, *command: str | Path, timeout: float = 60.0) -> str:
        """Run a command on the node and return what it printed.

        Raises:
            LocalFleetError: It failed; with the end of what it said.
        """
        enter = [require_command("nsenter"), f"--target={self._init}", *_NAMESPACES]
        full = [*enter, *map(str, command)]
        done = subprocess.run(full, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode != 0:
            raise LocalFleetError(f"`{' '.join(map(str, command))}` failed on {self.name}: {done.stderr[-2000:]}")
        return done.stdout

    def import_image(self, archive: Path) -> None:
        """Give the node an image."""
        socket = "/run/containerd/containerd.sock"
        ready = lambda: Path(f"/proc/{self._init}/root{socket}").is_socket()  # noqa: E731
        if not wait_until(ready, 30):
            log = self.directory / "node/containerd.log"
            raise ProcessFailedError(f"containerd of {self.name} does not start. The end of {log}:\n{last_lines(log)}")
        self.run("ctr", "--address", socket, "-n", "k8s.io", "images", "import", archive, timeout=300)

    def cut(self) -> None:
        """Cut the cable: packets to the node and from it are lost, without a word to either side."""
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        """Mend the cable that :meth:`cut` cut."""
        _ip("link", "set", self._cable, "up")

    @property
    def _cable(self) -> str:
        return f"cmf-node{self._number}"

    @property
    def _cgroup(self) -> str:
        return f"cmf-node{self._number}"

    @property
    def _init(self) -> int:
        """Process id of the node's first process.

        Raises:
            ProcessFailedError: The node does not run.
        """
        self._node.check_running()
        pid = self._node.pid
        children: list[psutil.Process] = []

        def has_child() -> bool:
            nonlocal children
            children = psutil.Process(pid).children() if pid else []
            return bool(children)

        if not wait_until(has_child, 10, interval=0.01):
            raise ProcessFailedError(f"The node of {self.name} has no first process; see {self._node.log}.")
        return int(children[0].pid)

    def _take_slot(self) -> None:
        """Take a number that no other cluster of this machine has, for as long as this process lives."""
        for number in _SLOTS:
            slot = Path(f"/run/lock/cmf-node{number}.lock").open("w")  # noqa: SIM115 - it stays open, and so locked
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                slot.close()
                continue
            self._slot, self._number = slot, number
            self._sweep()  # what a killed one had
            return
        raise LocalFleetError(f"There are {len(_SLOTS)} local nodes on this machine already.")

    def _launch_node(self) -> None:
        source = Workspace.find().tools / "kubernetes-node"
        gateway = f"10.222.{self._number}.1"
        script, directory = str(source / "node.sh"), str(self.directory.absolute())
        start = [script, self.name, self._cgroup, self.address, gateway, directory, str(ensure_artifact("node"))]
        self._node.launch([*_namespaces(), *start])
        remains = [self.directory.absolute() / folder for folder in ("containerd", "kubelet")]
        # -P: or the modules beside it would be taken for Python's own.
        self._sweeper.launch([sys.executable, "-P", sweeper.__file__, str(self._init), *remains])
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", str(self._init))
        _ip("address", "add", f"{gateway}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")

    def _has_node(self) -> bool:
        with connect(self.kubeconfig) as client:
            core = CoreV1Api(client)
            try:
                node = core.read_node(self.name, _request_timeout=REQUEST_TIMEOUT)
                core.read_namespaced_service_account("default", "default", _request_timeout=REQUEST_TIMEOUT)
            except (HTTPError, ApiException):
                return False
        conditions = node.status.conditions if node.status else None
        return any(condition.type == "Ready" and condition.status == "True" for condition in conditions or [])

    def _sweep(self) -> None:
        """Remove control groups, and the cable, which goes by itself a moment after the node's namespaces."""
        if not self._number:
            return
        cable = Path(f"/sys/class/net/{self._cable}")
        if not wait_until(lambda: not cable.exists(), 10, interval=0.1):
            _ip("link", "delete", self._cable)
        for hierarchy in _CGROUPS.iterdir():
            group = hierarchy / self._cgroup
            if not wait_until(partial(_remove_groups, group), 5, interval=0.1):
                raise ProcessFailedError(f"Processes are left in the control group {group}.")


def _remove_groups(group: Path) -> bool:
    """Remove a control group and those below it; tell whether all are gone."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # a process is on its way out
            return False
    return True


def _ip(*arguments: str) -> None:
    """Run `ip`.

    Raises:
        LocalFleetError: It failed.
    """
    command: Sequence[str] = [require_command("ip"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode != 0:
        raise LocalFleetError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
