"""The hub beside a kube-apiserver with etcd: the same objects, the same client, in turn.

Both servers run on one core, and the client on the other. A kube-apiserver has no HTTP without TLS, so its
figures include that. Only where applications are created through the hub, the hub moves to the client's
core: in life it does not share a machine with the API servers of its spokes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cmf_localfleet import LocalCluster, install_crds

from tests.performance import machine
from tests.performance.client import FIRST, Client, Load, Outcome, Server, percentile
from tests.performance.figures import Figure
from tests.performance.fill import NAMESPACE, deployment_body, environment, fill, status_body
from tests.support.hub import V1, Hub, application
from tests.support.wait import wait_for

PART = "Beside a kube-apiserver with etcd"
_OBJECTS = 10_000
_IDLE_SECONDS = 3
_DEPLOYMENTS = f"/apis/flink.apache.org/v1beta1/namespaces/{NAMESPACE}/flinkdeployments"


@dataclass(frozen=True)
class Effort:
    """How much is done for a figure: pairs of loads, and the seconds of each load."""

    pairs: int
    seconds: float


def measure(folder: Path, effort: Effort) -> Iterator[Figure]:
    """Yield the figures."""
    home = environment("fleet")
    with machine.on_core(machine.SERVER), LocalCluster(folder / "kube", die_with_parent=True) as cluster:
        install_crds(cluster.kubeconfig)
        cluster.create_namespace(NAMESPACE)
        kube = Server.of_kubeconfig(cluster.kubeconfig.read_text())
        asyncio.run(fill(folder / "hub" / "hub.db", home, _OBJECTS))
        with client_on_its_core() as client:
            body = deployment_body(home)
            made = Load(kube, _DEPLOYMENTS, "POST", body, 16, seconds=600, limit=_OBJECTS, first=FIRST)
            client.run(made)
            # As the operator has them: the hub would look again and again why 10,000 applications wait.
            path, patch = f"{_DEPLOYMENTS}/app-{{n}}/status", "application/merge-patch+json"
            client.run(replace(made, path=path, method="PATCH", body=status_body(), content_type=patch))
            hub = hub_of(folder / "hub", cluster)
            try:
                yield from _figures(client, hub, cluster, body, effort)
            finally:
                hub.stop()


def hub_of(folder: Path, cluster: LocalCluster, **settings: str) -> Hub:
    """Start a hub on the present core, and return it once it has compared itself with its cluster."""
    own = {
        "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(cluster.kubeconfig),
        "CMF_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
        "CMF_K8S_HEARTBEAT_INTERVAL_SECONDS": "10",
        "CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS": "10",
        **settings,
    }
    hub = Hub(folder, own)
    hub.start()
    hub.connected("default-k8s-cluster")
    settle(hub, *_processes(cluster))
    return hub


def settle(hub: Hub, *others: int) -> None:
    """Wait until the hub, and other processes, have had nothing to do for some seconds."""
    used = [machine.cpu_seconds(pid_of(hub), *others)]

    def idle() -> bool:
        used.append(machine.cpu_seconds(pid_of(hub), *others))
        return len(used) > _IDLE_SECONDS and used[-1] - used[-1 - _IDLE_SECONDS] < 0.05 * _IDLE_SECONDS

    wait_for(idle, "the hub to be idle", 180, every=1)


@contextmanager
def client_on_its_core() -> Iterator[Client]:
    """Give a client that is bound to the other core."""
    with machine.on_core(machine.CLIENT):
        client = Client()
        client.__enter__()
    try:
        yield client
    finally:
        client.__exit__()


def _figures(client: Client, hub: Hub, cluster: LocalCluster, body: str, effort: Effort) -> Iterator[Figure]:
    ours, kube = Server(str(hub.http.base_url)), Server.of_kubeconfig(cluster.kubeconfig.read_text())
    of_cluster = _processes(cluster)

    def sides(own: Load, other: Load, connections: int, *, both: bool = False) -> list[_Side]:
        own, other = (replace(each, connections=connections, seconds=effort.seconds) for each in (own, other))
        return [_Side(own, [pid_of(hub), *(of_cluster if both else ())]), _Side(other, of_cluster)]

    pairs = [
        (
            "create a catalog (a ConfigMap)", ">= 4",
            Load(ours, f"{V1}/catalogs/kafka", "POST", _catalog()),
            Load(kube, f"/api/v1/namespaces/{NAMESPACE}/configmaps", "POST", _config_map()),
        ),
        (
            "create a secret (a Secret)", ">= 4",
            Load(ours, f"{V1}/secrets", "POST", _secret()),
            Load(kube, f"/api/v1/namespaces/{NAMESPACE}/secrets", "POST", _kube_secret()),
        ),
        (
            "get an application of 10,000 (a FlinkDeployment)", ">= 3",
            Load(ours, f"{V1}/environments/fleet/applications/app-{{k}}", many=_OBJECTS),
            Load(kube, f"{_DEPLOYMENTS}/app-{{k}}", many=_OBJECTS),
        ),
        (
            "page of 100 of 10,000", ">= 3",
            Load(ours, f"{V1}/environments/fleet/applications?size=100"),
            Load(kube, f"{_DEPLOYMENTS}?limit=100"),
        ),
    ]  # fmt: skip
    for name, goal, own, other in pairs:
        for connections in (1, 16):
            yield from _pair(client, f"{name}, {_clients(connections)}", goal, sides(own, other, connections), effort)
    with moved(hub, machine.CLIENT):
        own = Load(ours, f"{V1}/environments/fleet/applications", "POST", json.dumps(application("new-{n}")))
        other = Load(kube, _DEPLOYMENTS, "POST", body.replace("app-{n}", "direct-{n}"))
        for connections in (1, 16):
            name = f"create an application on its cluster (the FlinkDeployment directly), {_clients(connections)}"
            yield from _pair(client, name, ">= 0.6", sides(own, other, connections, both=True), effort)


@dataclass(frozen=True)
class _Side:
    """One of the two that are compared: what it is asked, and the processes that work for it."""

    load: Load
    processes: Sequence[int]

    def run(self, client: Client) -> _Run:
        """Carry out the load once."""
        before = machine.cpu_seconds(*self.processes)
        outcome = client.run(self.load)
        return _Run(outcome, machine.cpu_seconds(*self.processes) - before)


@dataclass(frozen=True)
class _Run:
    """One load carried out, and the processor time that the server took for it."""

    outcome: Outcome
    cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.outcome.rate

    @property
    def rate_of_core(self) -> float:
        """Requests in each second that the server had a core: others on the machine hardly change it."""
        return len(self.outcome.times) / max(self.cpu, 1e-3)


def _pair(client: Client, name: str, goal: str, sides: Sequence[_Side], effort: Effort) -> Iterator[Figure]:
    """Yield rate, rate in the server's own time, and p99 of a load on the hub beside its peer's; they take turns."""
    for side in sides:
        side.run(client)
    runs = [[side.run(client) for side in sides] for _ in range(effort.pairs)]
    own, other = ([pair[side] for pair in runs] for side in (0, 1))
    best = f"best {max(run.rate for run in own):,.0f} and {max(run.rate for run in other):,.0f}"
    sizes = f"answers of {own[0].outcome.size:,} and {other[0].outcome.size:,} bytes"
    yield _rates(name, "requests/s", [[run.rate for run in pair] for pair in runs], goal, f"{best}; {sizes}")
    of_core = [[run.rate_of_core for run in pair] for pair in runs]
    yield _rates(f"{name}, by processor time", "requests/s of core", of_core)
    slow, peers = (percentile([time for run in side for time in run.outcome.times], 99) * 1000 for side in (own, other))
    yield Figure(PART, f"{name}: p99", "ms", slow, peers, slow / peers)


def _rates(name: str, unit: str, pairs: Sequence[Sequence[float]], goal: str = "", note: str = "") -> Figure:
    own, other = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    return Figure(PART, name, unit, own, other, statistics.median(a / b for a, b in pairs), goal, note)


@contextmanager
def moved(hub: Hub, core: int) -> Iterator[None]:
    """Bind a hub to another core for a while."""
    machine.move(pid_of(hub), core)
    try:
        yield
    finally:
        machine.move(pid_of(hub), machine.SERVER)


def pid_of(hub: Hub) -> int:
    """Return the process of a hub."""
    pid = hub.process.pid
    assert pid is not None, "the hub runs"
    return pid


def _processes(cluster: LocalCluster) -> list[int]:
    return [pid for process in cluster.processes if (pid := process.pid)]


def _clients(connections: int) -> str:
    return "1 client" if connections == 1 else f"{connections} clients"


def _catalog() -> str:
    instance = {"connectionConfig": {"schema.registry.url": "https://schemas.example.com:8081", "note": "x" * 300}}
    return json.dumps(
        {
            "apiVersion": "cmf.confluent.io/v1",
            "kind": "KafkaCatalog",
            "metadata": {"name": "catalog-{n}"},
            "spec": {"srInstance": instance},
        }
    )


def _config_map() -> str:
    data = {"schema.registry.url": "https://schemas.example.com:8081", "note": "x" * 300}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "catalog-{n}"}, "data": data})


_DATA = {"user": "flink", "password": "y" * 300}


def _secret() -> str:
    return json.dumps(
        {
            "apiVersion": "cmf.confluent.io/v1",
            "kind": "Secret",
            "metadata": {"name": "secret-{n}"},
            "spec": {"data": _DATA},
        }
    )


def _kube_secret() -> str:
    metadata = {"name": "secret-{n}"}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": _DATA})
