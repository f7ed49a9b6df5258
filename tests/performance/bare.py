"""The least that can probe many clusters: one connection to each, kept, and what a client must hold for it.

``python -m tests.performance.bare`` reads the kubeconfigs that it is told and does rounds of ``GET /version``,
64 at a time as the hub does. With watches, it also keeps that many idle streams open to each cluster.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import psutil
import uvloop
import yaml

from tests.performance.client import Server
from tests.performance.simulated import GROUP

AT_ONCE = 64
_WATCH = f"{GROUP}/flinkdeployments?watch=true&timeoutSeconds=3000&resourceVersion=0"


@dataclass(frozen=True)
class Rounds:
    """What the client needed.

    Attributes:
        cold: seconds of the first round, handshakes included.
        warm: seconds of each further one.
        cpu: processor seconds of a warm round.
        memory: resident MiB at the end.
    """

    cold: float
    warm: list[float]
    cpu: float
    memory: float


async def _main(kubeconfigs: list[Path], watches: int, rounds: int) -> Rounds:
    targets = [_target(file.read_text()) for file in kubeconfigs]
    room = asyncio.Semaphore(AT_ONCE)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=600)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:

        async def probe(target: _Target) -> None:
            async with room, session.get(f"{target.url}/version", ssl=target.context, headers=target.headers) as answer:
                await answer.json()

        async def watch(target: _Target) -> aiohttp.ClientResponse:
            async with room:
                return await session.get(target.url + _WATCH, ssl=target.context, headers=target.headers, timeout=_LONG)

        async def turn() -> float:
            started = time.perf_counter()
            await asyncio.gather(*map(probe, targets))
            return time.perf_counter() - started

        cold = await turn()
        streams = [await asyncio.gather(*map(watch, targets)) for _ in range(watches)]
        before = psutil.Process().cpu_times()
        warm = [await turn() for _ in range(rounds)]
        after = psutil.Process().cpu_times()
        memory = psutil.Process().memory_info().rss / 2**20
        for stream in streams:
            for answer in stream:
                answer.close()
    cpu = (after.user + after.system - before.user - before.system) / rounds
    return Rounds(cold, warm, cpu, memory)


@dataclass(frozen=True)
class _Target:
    url: str
    context: ssl.SSLContext
    headers: dict[str, str]


def _target(kubeconfig: str) -> _Target:
    server = Server.of_kubeconfig(kubeconfig)
    token = yaml.load(kubeconfig, Loader=yaml.CSafeLoader)["users"][0]["user"]["token"]
    return _Target(server.url, server.context(), {"Authorization": f"Bearer {token}"})


_LONG = aiohttp.ClientTimeout(total=None)

if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    done = uvloop.run(_main([Path(file) for file in given["kubeconfigs"]], given["watches"], given["rounds"]))
    sys.stdout.write(json.dumps(asdict(done)) + "\n")
