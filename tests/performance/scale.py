"""The hub with many clusters, all of them simulated by one process (more where the limit of open files demands it).

The hub has one core and everything else the other. Beside it, a bare client that does nothing but the same
probes, and one that also keeps open as many idle watches as the hub does.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cmf_hub.flink.watch import FOLLOWED

from tests.performance import machine
from tests.performance.bare import Rounds
from tests.performance.client import Client, Load, Server, percentile
from tests.performance.figures import Curve, Figure
from tests.performance.peer import client_on_its_core, pid_of
from tests.performance.simulated import SimulatedClusters
from tests.support.hub import V1, Hub
from tests.support.wait import wait_for

_SPARE = 500
_OF_A_CLUSTER = 2 + len(FOLLOWED)
"""Files that a cluster costs each side at most: connections for probes and watches, and a listener or a spare."""
_INTERVAL = 10.0
_PATIENCE = 12
"""Heartbeat intervals that a load may take to become steady."""
_UNSEEN = 0.05
"""Seconds of processor time in an interval that make no difference."""
_SINGLE = 20


def measure(folder: Path, sizes: Sequence[int]) -> Iterator[Figure | Curve]:
    """Yield the figures of each number of clusters, and the curves over them."""
    allowed = machine.descriptors(max(sizes) * _OF_A_CLUSTER + _SPARE)
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for wanted in sizes:
        machine.say(f"{wanted:,} simulated clusters are started")
        many = min(wanted, (allowed - _SPARE) // (1 + len(FOLLOWED)))
        with _clusters(many, folder / str(wanted), allowed) as shards:
            for figure in _at(many, folder / str(wanted), shards):
                yield figure
                points.setdefault((figure.name, figure.unit), []).append((many, figure.ours))
                if figure.peer is not None:
                    points.setdefault((f"{figure.name} (peer)", figure.unit), []).append((many, figure.peer))
    for (name, unit), line in points.items():
        yield Curve(f"clusters-{unit}", name, "clusters", unit, line)


@contextmanager
def _clusters(many: int, folder: Path, allowed: int) -> Iterator[list[SimulatedClusters]]:
    """Give simulated clusters, in as few processes as the limit of open files allows."""
    processes = math.ceil(many * _OF_A_CLUSTER / (allowed - _SPARE))
    names = [f"spoke-{number:05d}" for number in range(many)]
    with ExitStack() as running, machine.on_core(machine.CLIENT):
        yield [
            running.enter_context(SimulatedClusters(names[start::processes], folder / "simulated"))
            for start in range(processes)
        ]


def _at(many: int, folder: Path, shards: list[SimulatedClusters]) -> Iterator[Figure]:
    part = f"With {many:,} clusters"
    kubeconfigs = [file for shard in shards for file in shard.kubeconfigs]
    bare, watching = (_bare(kubeconfigs, watches) for watches in (0, len(FOLLOWED)))
    with machine.on_core(machine.SERVER):
        hub = Hub(folder / "hub", _SETTINGS)
        hub.start()
    try:
        empty = machine.memory(pid_of(hub))
        yield from _registration(part, hub, kubeconfigs)
        _steady(hub)
        yield from _rounds(part, many, hub, shards, bare, watching)
        memory = machine.memory(pid_of(hub))
        yield Figure(
            part,
            "memory, beside a client of the same probes",
            "MiB",
            memory,
            bare.memory,
            memory / bare.memory,
            "<= 1.5",
        )
        note = f"a hub without clusters has {empty:.0f} MiB"
        yield Figure(
            part,
            "memory, beside a client of the same probes and watches",
            "MiB",
            memory,
            watching.memory,
            memory / watching.memory,
            note=note,
        )
        with client_on_its_core() as client:
            yield from _with_hanging(part, hub, client, shards)
    finally:
        hub.stop()


_SETTINGS = {
    "CMF_K8S_HEARTBEAT_INTERVAL_SECONDS": str(_INTERVAL),
    "CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS": "5",
    "CMF_K8S_REQUEST_TIMEOUT_SECONDS": "10",
    "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": "",
}


def _registration(part: str, hub: Hub, kubeconfigs: list[Path]) -> Iterator[Figure]:
    """Drop all kubeconfigs but a few at once, and then those few one by one."""
    storm, single = kubeconfigs[:-_SINGLE], kubeconfigs[-_SINGLE:]
    dropped = {file.name: _drop(hub, file) for file in storm}
    machine.say(f"{len(storm):,} kubeconfigs are dropped")
    wait_for(lambda: len(_connected(hub)) == len(storm), "all clusters to be CONNECTED", 600, every=1)
    yield from _times(part, "registration of all at once to CONNECTED", dropped, hub)
    _steady(hub)
    dropped = {}
    for file in single:
        dropped[file.name] = _drop(hub, file)
        wait_for(lambda name=file.name: name in _connected(hub), "the cluster to be CONNECTED", 60)  # type: ignore[misc]
    yield from _times(part, "registration of one to CONNECTED", dropped, hub)


def _steady(hub: Hub) -> None:
    """Wait until the hub has only its heartbeats to do, which never end: two intervals cost it nearly the same.

    On a machine that has other work they may never do; after `_PATIENCE` intervals there is nothing to wait for.
    """
    used = [machine.cpu_seconds(pid_of(hub))]
    for _ in range(_PATIENCE):
        time.sleep(_INTERVAL)
        used.append(machine.cpu_seconds(pid_of(hub)))
        costs = [after - before for before, after in pairwise(used[-3:])]
        machine.say(f"waiting for a steady load: {costs[-1]:.2f} s of {_INTERVAL:.0f}")
        if len(costs) == 2 and abs(costs[1] - costs[0]) <= max(0.1 * max(costs), _UNSEEN):
            return
    machine.say("the load is not steady; what follows is measured nevertheless")


def _times(part: str, name: str, dropped: dict[str, float], hub: Hub) -> Iterator[Figure]:
    connected = _connected(hub)
    times = [connected[cluster] - at for cluster, at in dropped.items()]
    for percent in (50, 99):
        yield Figure(part, f"{name}, p{percent}", "s", percentile(times, percent))


def _drop(hub: Hub, kubeconfig: Path) -> float:
    """Put a kubeconfig into the hub's folder as one change, and return when."""
    new = hub.kubeconfigs / f".{kubeconfig.name}"
    new.write_bytes(kubeconfig.read_bytes())
    now = time.time()
    new.rename(hub.kubeconfigs / kubeconfig.name)
    return now


def _connected(hub: Hub) -> dict[str, float]:
    """Return when each cluster became CONNECTED, as the hub's log says."""
    found = {}
    for line in hub.process.log.read_text().splitlines():
        if '"state": "CONNECTED"' in line and "cluster's state changed" in line:
            event = json.loads(line)
            found[event["cluster"]] = datetime.fromisoformat(event["time"]).timestamp()
    return found


def _rounds(
    part: str, many: int, hub: Hub, shards: list[SimulatedClusters], bare: Rounds, watching: Rounds
) -> Iterator[Figure]:
    """Yield the processor time of a round of heartbeats: the hub spreads them over the interval."""
    pid = pid_of(hub)
    probes, cpu = sum(shard.probes() for shard in shards), machine.cpu_seconds(pid)
    time.sleep(3 * _INTERVAL)
    probes, cpu = sum(shard.probes() for shard in shards) - probes, machine.cpu_seconds(pid) - cpu
    ours = cpu / probes * many
    note = f"{probes:,} probes in {3 * _INTERVAL:.0f} s; the client's round takes {statistics.median(bare.warm):.2f} s"
    yield Figure(part, "processor time of a round of heartbeats", "s", ours, bare.cpu, ours / bare.cpu, "<= 1.5", note)
    yield Figure(part, "... beside a client with idle watches", "s", ours, watching.cpu, ours / watching.cpu)


def _with_hanging(part: str, hub: Hub, client: Client, shards: list[SimulatedClusters]) -> Iterator[Figure]:
    """Yield the p99 of other calls while a tenth of the clusters hang, beside the same calls before."""
    server = Server(str(hub.http.base_url))
    well = shards[0].kubeconfigs[-1].name
    loads = [
        ("get a cluster", Load(server, f"{V1}/kubernetes-clusters/{well}", seconds=10)),
        ("page of 100 clusters", Load(server, f"{V1}/kubernetes-clusters?size=100", seconds=10)),
    ]
    before = [client.run(load) for _, load in loads]
    hanging = [[file.name for file in shard.kubeconfigs[: len(shard.kubeconfigs) // 10]] for shard in shards]
    for shard, names in zip(shards, hanging, strict=True):
        shard.hang(names)
    time.sleep(_INTERVAL / 2)
    for (name, load), well_run in zip(loads, before, strict=True):
        run = client.run(load)
        slow, usual = run.percentile(99), well_run.percentile(99)
        note = f"peer: while none hangs; {run.rate:,.0f}/s and {well_run.rate:,.0f}/s"
        yield Figure(part, f"{name} while a tenth hang, p99", "ms", slow, usual, slow / usual, "<= 2", note)
    for shard in shards:
        shard.hang([])


def _bare(kubeconfigs: list[Path], watches: int) -> Rounds:
    """Let a bare client do its rounds on the hub's core."""
    machine.say(f"a bare client with {watches} watches a cluster does its rounds")
    question = json.dumps({"kubeconfigs": [str(file) for file in kubeconfigs], "watches": watches, "rounds": 3})
    command = [sys.executable, "-m", "tests.performance.bare"]
    with machine.on_core(machine.SERVER):
        done = subprocess.run(command, input=question + "\n", capture_output=True, text=True, check=True, timeout=900)
    return Rounds(**json.loads(done.stdout))
