"""One local Kubernetes cluster without nodes: a real kube-apiserver on a real etcd."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from kubernetes.client import CoreV1Api, V1Namespace, V1ObjectMeta
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from cmf_localfleet import envtest
from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.connection import connect
from cmf_localfleet.errors import ProcessFailedError, last_lines
from cmf_localfleet.ports import free_port
from cmf_localfleet.processes import ManagedProcess, ProcessState
from cmf_localfleet.waiting import wait_until

REQUEST_TIMEOUT = 5.0
"""Seconds that a request to a local cluster may take."""

_START_ATTEMPTS = 3


class LocalCluster:
    """A cluster that keeps everything in ``directory``; started there again, it serves the same objects.

    It has no controller manager and no nodes: deleting a namespace marks it and goes no further, nothing
    collects garbage, and no pod runs. As a context manager it starts, and is killed at the end.

    Args:
        directory: Data, certificates, kubeconfig, pid files and logs; made if missing.
        name: Name in the kubeconfig; by default that of the folder.
        port: Port on 127.0.0.1; 0 for the one that the folder's kubeconfig names, else any free one.
        die_with_parent: See :class:`~cmf_localfleet.processes.ManagedProcess`. Start such a cluster from a
            thread that lives as long as the cluster shall.
    """

    def __init__(
        self, directory: Path, *, name: str | None = None, port: int = 0, die_with_parent: bool = False
    ) -> None:
        self.directory = directory
        self.name = name or directory.name
        self.kubeconfig = directory / "kubeconfig"
        self._fixed_port = port
        # In the order of starting. Which of them are used depends on KUBEBUILDER_ASSETS when it was started.
        self._etcd, self._apiserver, self._both = (
            ManagedProcess(process, directory, die_with_parent=die_with_parent)
            for process in ("etcd", "kube-apiserver", "local-apiserver")
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def processes(self) -> list[ManagedProcess]:
        """The cluster's processes that are running or paused."""
        every = (self._etcd, self._apiserver, self._both)
        return [process for process in every if process.state is not ProcessState.STOPPED]

    @property
    def state(self) -> ProcessState:
        """Whether the cluster runs, is paused, or is stopped (which one ended process is enough for)."""
        states = {process.state for process in (self._apiserver, self._both)} - {ProcessState.STOPPED}
        return states.pop() if states else ProcessState.STOPPED

    @property
    def log(self) -> Path:
        """Log of the API server."""
        return self._apiserver.log if self._apiserver.log.exists() else self._both.log

    @property
    def port(self) -> int:
        """Port of the API server: the given one, or the one in the kubeconfig; 0 before the first start."""
        if self._fixed_port or not self.kubeconfig.is_file():
            return self._fixed_port
        match = re.search(r"server: https://127\.0\.0\.1:(\d+)", self.kubeconfig.read_text())
        return int(match[1]) if match else 0

    @property
    def server(self) -> str:
        """Address of the API server."""
        return f"https://127.0.0.1:{self.port}"

    def start(self, timeout: float = 60.0) -> None:
        """Start the cluster unless it runs, and wait until it serves.

        Raises:
            ProcessFailedError: It ended, or was not ready within ``timeout`` seconds.
        """
        chosen = self.port == 0
        for attempt in range(1, _START_ATTEMPTS + 1):
            self.launch()
            try:
                self.wait_ready(timeout)
            except ProcessFailedError as error:
                # Somebody else may have taken the port between the choice and the start.
                if not chosen or attempt == _START_ATTEMPTS or "address already in use" not in str(error):
                    raise
                self.kill()
                self.kubeconfig.unlink(missing_ok=True)
            else:
                return

    def launch(self) -> None:
        """Start the cluster's processes unless they run, and do not wait: several can start at once."""
        if self.state is not ProcessState.STOPPED:
            return
        self.kill()  # what a crash has left: pid files, or one process of two
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        port = self.port or free_port()
        assets = os.environ.get("KUBEBUILDER_ASSETS")
        if assets:
            etcd, apiserver = envtest.commands(Path(assets), self.directory, self.name, port)
            self._etcd.launch(etcd)
            self._apiserver.launch(apiserver)
        else:
            self._both.launch(
                [ensure_artifact("apiserver"), "--dir", self.directory, "--port", str(port), "--name", self.name]
            )

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until the API server says that it is ready.

        Raises:
            ProcessFailedError: It ended, or was not ready within ``timeout`` seconds.
        """
        if not wait_until(self._is_ready, timeout):
            raise ProcessFailedError(
                f"Cluster {self.name} was not ready after {timeout:.0f} s. "
                f"The end of {self.log}:\n{last_lines(self.log)}"
            )

    def stop(self, timeout: float = 5.0) -> None:
        """End the cluster, by SIGKILL what has not ended after ``timeout`` seconds. Its data stays.

        The official kube-apiserver waits much longer for its clients' watches to end.
        """
        for process in (self._both, self._apiserver, self._etcd):
            process.stop(timeout)

    def kill(self) -> None:
        """End the cluster at once, as a crash would. Its data stays."""
        self.stop(timeout=0)

    def restart(self) -> None:
        """Stop and start: same data, same port, same credentials."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Play an outage: connections stay open, new ones are accepted, nothing is answered."""
        for process in reversed(self.processes):
            process.pause()

    def resume(self) -> None:
        """End the outage that :meth:`pause` began."""
        for process in self.processes:
            process.resume()

    def delete(self) -> None:
        """End the cluster and delete its folder."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def create_namespace(self, name: str) -> None:
        """Create a namespace unless it exists."""
        with connect(self.kubeconfig) as client:
            try:
                CoreV1Api(client).create_namespace(
                    V1Namespace(metadata=V1ObjectMeta(name=name)), _request_timeout=REQUEST_TIMEOUT
                )
            except ApiException as error:
                if error.status != 409:
                    raise

    def _is_ready(self) -> bool:
        for process in (self._etcd, self._apiserver, self._both):
            if process.pid_file.exists():
                process.check_running()
        if not self.kubeconfig.is_file():
            return False
        with connect(self.kubeconfig) as client:
            try:
                # The first namespaces are made a moment after the server calls itself ready.
                return all(
                    client.call_api("GET", self.server + path, _request_timeout=REQUEST_TIMEOUT).status == 200
                    for path in ("/readyz", "/api/v1/namespaces/default")
                )
            except (HTTPError, ApiException):
                return False
