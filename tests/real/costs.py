"""What a fleet costs: who spends the time until a job runs, and what a hub takes while nothing changes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
from cmf_localfleet.connection import connect
from kubernetes.client import AppsV1Api

from tests.real.fleet import NAMESPACE, RealSpoke
from tests.real.stack import Stack
from tests.support.hub import Hub


@dataclass
class Costs:
    """What was measured in a run, by what it is of."""

    lines: dict[str, str] = field(default_factory=dict)

    def of_start(self, stack: Stack, spoke: RealSpoke, hub: Hub, path: str) -> None:
        """Run `pulumi up`, which creates an application on a cluster; note who spends the seconds until it ends.

        Kubernetes' times are whole seconds, so each share may be off by one.
        """
        name = path.rpartition("/")[2]
        marks = _Marks(time.time())
        stack.up()
        ended = time.time()
        made = spoke.deployments()[name]["metadata"]
        marks.ours(_seconds(made["creationTimestamp"]))
        with connect(spoke.cluster.kubeconfig) as client:
            deployment: Any = AppsV1Api(client).read_namespaced_deployment(name, NAMESPACE, _request_timeout=10)
        marks.operator(deployment.metadata.creation_timestamp.timestamp())
        (manager,) = spoke.pods(app=name, component="jobmanager")
        marks.kubernetes(_started(manager))
        workers = spoke.pods(app=name, component="taskmanager")
        marks.flink(max(pod.metadata.creation_timestamp.timestamp() for pod in workers))
        marks.kubernetes(max(map(_started, workers)))
        marks.flink(_all_tasks_run(hub, path))
        marks.operator(max(_status_writes(made)))
        marks.ours(ended)
        shares = ", ".join(f"{who} {seconds:.0f} s" for who, seconds in marks.shares.items())
        self.lines["pulumi up until a new application runs"] = f"{sum(marks.shares.values()):.0f} s: {shares}"

    def at_rest(self, hub: Hub, before: tuple[float, float]) -> float:
        """Note memory and CPU of the hub since `before`, which :func:`cpu_now` returned; return the CPU in cores."""
        since, used = before
        now, used_now = cpu_now(hub)
        cores = (used_now - used) / (now - since)
        memory = psutil.Process(hub.process.pid).memory_info().rss / 2**20
        self.lines["hub of two clusters at rest"] = f"{memory:.0f} MiB, {cores:.1%} of a core"
        return cores


def cpu_now(hub: Hub) -> tuple[float, float]:
    """Return the time, and how much CPU time a hub has taken so far, in seconds."""
    times = psutil.Process(hub.process.pid).cpu_times()
    return time.monotonic(), times.user + times.system


class _Marks:
    """Moments, in the order in which they come; the time between two is somebody's."""

    def __init__(self, began: float) -> None:
        self._last = began
        self.shares = {"ours": 0.0, "operator": 0.0, "Kubernetes": 0.0, "Flink": 0.0}

    def ours(self, until: float) -> None:
        self._spent("ours", until)

    def operator(self, until: float) -> None:
        self._spent("operator", until)

    def kubernetes(self, until: float) -> None:
        self._spent("Kubernetes", until)

    def flink(self, until: float) -> None:
        self._spent("Flink", until)

    def _spent(self, who: str, until: float) -> None:
        until = max(until, self._last)
        self.shares[who] += until - self._last
        self._last = until


def _started(pod: Any) -> float:
    """Return when the last container of a pod started."""
    states = [container.state.running for container in pod.status.container_statuses]
    return max(float(state.started_at.timestamp()) for state in states)


def _all_tasks_run(hub: Hub, path: str) -> float:
    """Return when the last task of an application's job began to run, according to its JobManager."""
    job = hub.get(path).json()["status"]["jobStatus"]["jobId"]
    details = hub.get(f"{path}/flink-web-ui/jobs/{job}").json()
    began = []
    for vertex in details["vertices"]:
        times = hub.get(f"{path}/flink-web-ui/jobs/{job}/vertices/{vertex['id']}/subtasktimes").json()
        began += [each["timestamps"]["RUNNING"] / 1000 for each in times["subtasks"]]
    return float(max(began))


def _status_writes(metadata: dict[str, Any]) -> Iterable[float]:
    """Yield when a status of an object was written last, by each that writes it."""
    for entry in metadata["managedFields"]:
        if entry.get("subresource") == "status":
            yield _seconds(entry["time"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
