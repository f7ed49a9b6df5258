"""What the provider adds to the engine's own time: the same program with our resources, and with such that do nothing.

Ours are environments on a hub of this machine, over a local API server. The floor of both fronts are no-op dynamic
resources with the same properties; beside the plugin there is also a no-op plugin. All sides run in turns, forwards and
backwards, each a whole life: preview, up, unchanged up, refresh, destroy. Every ratio is the median of the turns.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cmf_localfleet import LocalCluster, Workspace
from cmf_localfleet.exports import pulumi_exports

from tests.performance.figures import Figure
from tests.performance.machine import say
from tests.support.hub import Hub

PART = "What the provider adds to the engine's time"
GOALS = {"plugin": "<= 1.1", "dynamic": "<= 1.25"}
"""At the largest size only."""
_FLOOR = ("floor", "dynamic")
_SIDES = (("ours", "plugin"), _FLOOR, ("ours", "dynamic"), ("floor", "plugin"))
_UNSET = (
    "kubernetes_cluster_name", "compute_pool_defaults", "statement_defaults", "labels", "annotations",
    "force_delete", "timeouts", "created_time",
)  # fmt: skip
"""Properties of an environment that are not given: Pulumi's SDK makes outputs of them all the same."""
_MANY = 1000
_LIMIT_SECONDS = 1800
_ROOT = Path(__file__).parents[2]
_OPERATIONS = {
    "preview": ("preview",),
    "up": ("up", "--yes", "--skip-preview"),
    "unchanged up": ("up", "--yes", "--skip-preview"),
    "refresh": ("refresh", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}
_PROGRAM = """
import os
inputs = {"kubernetes_namespace": "flink", "flink_application_defaults": {"spec": {"flinkConfiguration": {
    "execution.checkpointing.interval": "30 s", "state.backend.type": "rocksdb",
    "state.checkpoints.dir": "s3://flink/checkpoints", "state.savepoints.dir": "s3://flink/savepoints"}}}}
names = [f"bench-{number}" for number in range(int(os.environ["BENCH_RESOURCES"]))]
if os.environ["BENCH_SIDE"] == "ours":
    from pulumi_cmf import Environment
    for name in names:
        Environment(name, **inputs)
else:
    from tests.performance.noop import Noop
    unset = dict.fromkeys(os.environ["BENCH_UNSET"].split(","))
    for name in names:
        Noop(name, {**unset, "name": name, **inputs}, plugin=os.environ["BENCH_FRONT"] == "plugin")
"""


Lives = Mapping[tuple[str, str], Sequence[Mapping[str, float]]]


@dataclass(frozen=True)
class Effort:
    """How much is measured: numbers of resources, and how often all sides run with each.

    A thousand and more, which take minutes, run a third as often.
    """

    sizes: Sequence[int]
    turns: int

    def turns_of(self, size: int) -> int:
        """Return how often all sides run with a number of resources."""
        return self.turns if size < _MANY else max(1, self.turns // 3)


def measure(folder: Path, effort: Effort) -> Iterator[Figure]:
    """Measure both fronts."""
    with _hub(folder) as hub:
        for size in effort.sizes:
            lives: dict[tuple[str, str], list[dict[str, float]]] = {side: [] for side in _SIDES}
            for turn in range(effort.turns_of(size)):
                for side in _SIDES if turn % 2 == 0 else reversed(_SIDES):
                    say(f"{size:,} resources, turn {turn + 1} of {effort.turns_of(size)}: {' '.join(side)}")
                    lives[side].append(_life(folder / f"{'-'.join(side)}-{size}-{turn}", hub, *side, size))
            for front in GOALS:
                yield from _figures(front, size, lives, is_goal=size == max(effort.sizes))


def _figures(front: str, size: int, lives: Lives, *, is_goal: bool) -> Iterator[Figure]:
    for operation in _OPERATIONS:
        ours, floor = ([life[operation] for life in lives[side]] for side in (("ours", front), _FLOOR))
        added = (median(ours) - median(floor)) / size * 1000
        note = f"{added:+.2f} ms a resource; best {min(ours):.2f} and {min(floor):.2f}"
        if front == "plugin":
            note += f"; {_ratio(ours, [life[operation] for life in lives['floor', 'plugin']]):.2f} of a no-op plugin"
        yield Figure(
            part=PART,
            name=f"{front}: {operation} of {size:,}",
            unit="s",
            ours=median(ours),
            peer=median(floor),
            ratio=_ratio(ours, floor),
            goal=GOALS[front] if is_goal else "",
            note=note,
        )


def _ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    return median(mine / other for mine, other in zip(ours, others, strict=True))


def _life(folder: Path, hub: Hub, side: str, front: str, size: int) -> dict[str, float]:
    """Return the seconds of each operation, on a stack of its own."""
    program, state = folder / "program", folder / "state"
    program.mkdir(parents=True)
    (program / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
    (program / "__main__.py").write_text(_PROGRAM)
    environment = {**os.environ, **pulumi_exports(state, Workspace.find())}
    environment["PATH"] = os.pathsep.join((str(_plugin(folder)), str(Path(sys.executable).parent), environment["PATH"]))
    environment |= {
        "BENCH_RESOURCES": str(size),
        "BENCH_SIDE": side,
        "BENCH_FRONT": front,
        "BENCH_UNSET": ",".join(_UNSET),
        "CMF_URL": str(hub.http.base_url),
        "CMF_KUBECONFIG_DIRECTORY": str(hub.kubeconfigs),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PYTHONPATH": str(_ROOT),
    }
    _run(program, environment, "stack", "init", "dev")
    _run(program, environment, "config", "set", "cmf:plugin", "true" if front == "plugin" else "false")
    times = {}
    for operation, arguments in _OPERATIONS.items():
        started = time.perf_counter()
        _run(program, environment, *arguments, "--suppress-progress", "--suppress-outputs")
        times[operation] = time.perf_counter() - started
    shutil.rmtree(folder)
    return times


def _run(program: Path, environment: dict[str, str], *arguments: str) -> None:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    done = subprocess.run(
        command, cwd=program, env=environment, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


def _plugin(folder: Path) -> Path:
    """Return a folder with the plugin that does nothing, under the name that the engine looks for."""
    commands = folder / "commands"
    commands.mkdir()
    plugin = commands / "pulumi-resource-noop"
    plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.performance.noop "$@"\n')
    plugin.chmod(0o755)
    return commands


@contextmanager
def _hub(folder: Path) -> Iterator[Hub]:
    cluster = LocalCluster(folder / "home", die_with_parent=True)
    cluster.launch()
    try:
        cluster.wait_ready()
        cluster.create_namespace("flink")
        keys = base64.b64encode(os.urandom(32)).decode()
        hub = Hub(
            folder / "hub",
            {"CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(cluster.kubeconfig), "CMF_ENCRYPTION_KEYS": keys},
        )
        hub.start()
        try:
            hub.connected("default-k8s-cluster")
            yield hub
        finally:
            hub.stop()
    finally:
        cluster.kill()
