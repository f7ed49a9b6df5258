"""What grows with the number of applications, and what does not.

The applications are written straight into the database, in an environment whose cluster cannot be reached: the
hub has nothing to do for them, and each answer says that they may be stale. New ones are created beside them,
in an environment on a kube-apiserver.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import trustme
import yaml
from cmf_localfleet import LocalCluster, install_crds

from tests.performance import machine
from tests.performance.client import Client, Load, Server
from tests.performance.figures import Curve, Figure
from tests.performance.fill import NAMESPACE, environment, fill
from tests.performance.peer import Effort, client_on_its_core, hub_of, pid_of
from tests.support.hub import V1, Hub, application

PART = "With many applications"
_PAGE = 100
_LIST = f"{V1}/environments/grown/applications"
_AXIS = "applications"


def measure(folder: Path, effort: Effort, sizes: Sequence[int]) -> Iterator[Figure | Curve]:
    """Yield the curves over the sizes, and the figures of the smallest beside those of the largest."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    grown, home = environment("grown", "far"), folder / "hub"
    with machine.on_core(machine.SERVER), LocalCluster(folder / "kube", die_with_parent=True) as cluster:
        install_crds(cluster.kubeconfig)
        cluster.create_namespace(NAMESPACE)
        (home / "kubeconfigs").mkdir(parents=True)
        (home / "kubeconfigs" / "far").write_text(_unreachable())
        with client_on_its_core() as client:
            before = 0
            for size in sizes:
                machine.say(f"{size:,} applications")
                asyncio.run(fill(home / "hub.db", grown, size, before, varied=True))
                before = size
                for name, unit, value in _at(size, home, cluster, client, effort):
                    points.setdefault((name, unit), []).append((size, value))
    for (name, unit), line in points.items():
        yield Curve(f"growth-{unit}", name, _AXIS, unit, line)
        (_, smallest), (_, largest) = line[0], line[-1]
        note = f"{sizes[0]:,} (as the peer) to {sizes[-1]:,} applications"
        yield Figure(PART, name, unit, largest, smallest, largest / smallest, note=note)


def _at(
    size: int, folder: Path, cluster: LocalCluster, client: Client, effort: Effort
) -> Iterator[tuple[str, str, float]]:
    """Yield name, unit and value of each figure at one size."""
    yield "size of the database", "MiB", _megabytes(folder / "hub.db")
    hub = hub_of(folder, cluster)
    yield "memory of the hub after its start", "MiB", machine.memory(pid_of(hub))
    try:
        _new_environment(hub)
        server = Server(str(hub.http.base_url))
        for name, path in _reads(size):
            run = client.run(Load(server, path, many=size, seconds=effort.seconds * effort.pairs))
            yield name, "ms", run.percentile(50)
        body = json.dumps(application("new-{n}"))
        path = f"{V1}/environments/fresh/applications"
        run = client.run(Load(server, path, "POST", body, seconds=effort.seconds * effort.pairs))
        yield "create", "ms", run.percentile(50)
        yield "memory of the hub at the end", "MiB", machine.memory(pid_of(hub))
        hub.process.stop()
        started = time.monotonic()
        hub.start()
        yield "restart until ready", "s", time.monotonic() - started
    finally:
        hub.stop()


def _reads(size: int) -> list[tuple[str, str]]:
    last = (size - 1) // _PAGE
    page = f"{_LIST}?size={_PAGE}"
    return [
        ("get", f"{_LIST}/app-{{k}}"),
        ("first page", page),
        ("middle page", f"{page}&page={last // 2}"),
        ("last page", f"{page}&page={last}"),
        ("filter by name (one of ten)", f"{page}&filter=name=app-*7"),
        ("filter by label (one of ten)", f"{page}&filter=labels.team=orders"),
        ("filter by label (one of hundred)", f"{page}&filter=labels.tier=gold"),
        ("filter by state (one of ten)", f"{page}&filter=state=FAILED"),
        ("sort by creation, newest first", f"{page}&sort=creationTimestamp,desc"),
        ("environment with resource information", f"{V1}/environments/grown?include-resource-information=true"),
    ]


def _new_environment(hub: Hub) -> None:
    answer = hub.post("/environments", {"name": "fresh", "kubernetesNamespace": NAMESPACE})
    answer.raise_for_status()


def _unreachable() -> str:
    """Return the kubeconfig of a cluster at which nobody listens."""
    authority = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    cluster = {"server": "https://127.0.0.1:9", "certificate-authority-data": authority}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "far", "cluster": cluster}],
            "users": [{"name": "hub", "user": {"token": "none"}}],
            "contexts": [{"name": "far", "context": {"cluster": "far", "user": "hub"}}],
            "current-context": "far",
        }
    )


def _megabytes(file: Path) -> float:
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")) / 2**20
