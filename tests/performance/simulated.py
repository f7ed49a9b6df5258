"""Many Kubernetes clusters in one process: of each API server, what the hub reads of it, over TLS on loopback.

``python -m tests.performance.simulated`` is told how many on a line of standard input, writes kubeconfigs, and
answers each further line. ``test_simulated.py`` holds one cluster to what a real kube-apiserver answers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

import httptools
import trustme
import uvloop
import yaml

TOKEN = "simulated"
GROUP = "/apis/flink.apache.org/v1beta1"
_KINDS = ("FlinkDeployment", "FlinkSessionJob", "FlinkStateSnapshot")
_NAMESPACES = ("default", "kube-system", "flink")
_BOOKMARK_SECONDS = 60


class SimulatedClusters:
    """A process with clusters, from `with` on; `kubeconfigs` are in the order of their names."""

    def __init__(self, names: list[str], folder: Path) -> None:
        self._names, self._folder = names, folder

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.performance.simulated"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask(names=self._names, folder=str(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)

    @property
    def kubeconfigs(self) -> list[Path]:
        """The kubeconfig of each cluster; a file is named like its cluster."""
        return [self._folder / name for name in self._names]

    def probes(self) -> int:
        """Return how often a version was asked for so far."""
        return int(self.ask(probes=True)["probes"])

    def hang(self, names: list[str]) -> None:
        """Let these clusters accept connections and requests, and answer nothing; all others answer again."""
        self.ask(hang=names)

    def ask(self, **question: Any) -> dict[str, Any]:
        """Let the process do something, and return what it says."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class _Cluster:
    """What one cluster answers."""

    def __init__(self, number: int) -> None:
        self.uid = f"00000000-0000-4000-8000-{number:012d}"
        self.probes = 0
        self.hangs = False

    def answer(self, path: str, authorized: bool) -> tuple[int, dict[str, Any]]:
        """Return status and body of what a GET of a path gives."""
        if not authorized:
            return _failure(401, "Unauthorized", "Unauthorized")
        if path == "/version":
            self.probes += 1
            return 200, _VERSION
        if path == GROUP:
            return 200, _RESOURCES
        *parents, name = path.split("/")
        if parents == ["", "api", "v1", "namespaces"] and name in _NAMESPACES:
            labels = {"kubernetes.io/metadata.name": name}
            metadata = {"name": name, "uid": self.uid, "creationTimestamp": _CREATED, "labels": labels}
            spec = {"finalizers": ["kubernetes"]}
            status = {"phase": "Active"}
            return 200, {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status}
        if parents == ["", "api", "v1", "namespaces"]:
            return _failure(404, "NotFound", f'namespaces "{name}" not found', {"name": name, "kind": "namespaces"})
        if path in _LISTS:
            metadata = {"continue": "", "resourceVersion": _moment()}
            return 200, {"apiVersion": _VERSIONED, "items": [], "kind": f"{_LISTS[path]}List", "metadata": metadata}
        return _failure(404, "NotFound", "the server could not find the requested resource", {})


class _Connection(asyncio.Protocol):
    """One connection to one cluster; requests come one after the other."""

    def __init__(self, cluster: _Cluster) -> None:
        self._cluster = cluster
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._authorized = False
        self._timers: list[asyncio.TimerHandle] = []
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers:
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self._authorized = value == f"Bearer {TOKEN}".encode()

    def on_message_complete(self) -> None:
        if self._cluster.hangs:
            return
        parts = urlsplit(self._url.decode())
        query = parse_qs(parts.query)
        if "watch" in query and self._authorized and parts.path in _LISTS:
            self._watch(_LISTS[parts.path], int(query["timeoutSeconds"][0]))
            return
        status, body = self._cluster.answer(parts.path, self._authorized)
        text = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Failed'}\r\nContent-Type: application/json\r\n"
        self._transport.write(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)

    def _watch(self, kind: str, seconds: int) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        loop = asyncio.get_running_loop()
        self._timers = [
            *(loop.call_later(at, self._bookmark, kind) for at in range(_BOOKMARK_SECONDS, seconds, _BOOKMARK_SECONDS)),
            loop.call_later(seconds, self._end, kind),
        ]

    def _bookmark(self, kind: str) -> None:
        metadata = {"creationTimestamp": None, "resourceVersion": _moment()}
        found = {"kind": kind, "apiVersion": _VERSIONED, "metadata": metadata}
        line = json.dumps({"type": "BOOKMARK", "object": found}).encode() + b"\n"
        self._transport.write(b"%x\r\n%s\r\n" % (len(line), line))

    def _end(self, kind: str) -> None:
        self._bookmark(kind)
        self._transport.write(b"0\r\n\r\n")


class _Simulation:
    """What the process does."""

    def __init__(self) -> None:
        self._clusters: dict[str, _Cluster] = {}
        self._servers: list[asyncio.Server] = []
        self._authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(self._context)

    async def serve(self) -> None:
        """Do as each line of standard input says, until it ends."""
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            sys.stdout.write(json.dumps(await self._done(json.loads(line))) + "\n")
            sys.stdout.flush()

    async def _done(self, question: dict[str, Any]) -> dict[str, Any]:
        if "names" in question:
            for name in question["names"]:
                await self._start(name, Path(question["folder"]))
        if "hang" in question:
            for name, cluster in self._clusters.items():
                cluster.hangs = name in question["hang"]
        return {"probes": sum(cluster.probes for cluster in self._clusters.values())}

    async def _start(self, name: str, folder: Path) -> None:
        cluster = self._clusters[name] = _Cluster(int.from_bytes(name.encode()[-4:]))
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(cluster), "127.0.0.1", 0, ssl=self._context, backlog=16
        )
        self._servers.append(server)
        address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        folder.joinpath(name).write_text(kubeconfig(address, self._authority.cert_pem.bytes()))


def kubeconfig(address: str, authority: bytes) -> str:
    """Return the kubeconfig of a simulated cluster."""
    cluster = {"server": address, "certificate-authority-data": base64.b64encode(authority).decode()}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "simulated", "cluster": cluster}],
            "users": [{"name": "hub", "user": {"token": TOKEN}}],
            "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "hub"}}],
            "current-context": "simulated",
        }
    )


def _failure(status: int, reason: str, message: str, details: Any = None) -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    body |= {"message": message, "reason": reason, "code": status}
    return status, body if details is None else {**body, "details": details}


def _moment() -> str:
    """Return a resource version: something in the cluster changes all the time."""
    return str(time.time_ns() // 1_000_000)


_CREATED = "2026-01-01T00:00:00Z"
_VERSIONED = "flink.apache.org/v1beta1"
_LISTS = {f"{GROUP}/{kind.lower()}s": kind for kind in _KINDS}
_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
_RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": _VERSIONED,
    "resources": [
        {"name": f"{kind.lower()}s", "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": _VERBS}
        for kind in _KINDS
    ],
}
_VERSION = {
    "major": "1", "minor": "34", "emulationMajor": "1", "emulationMinor": "34",
    "minCompatibilityMajor": "1", "minCompatibilityMinor": "33", "gitVersion": "v1.34.1", "gitCommit": "simulated",
    "gitTreeState": "clean", "buildDate": _CREATED, "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
}  # fmt: skip

if __name__ == "__main__":
    uvloop.run(_Simulation().serve())
