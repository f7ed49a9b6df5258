"""An HTTPS server that answers with whatever bytes a test wants, and remembers what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.credentials import ClusterCredentials

from tests.hub.clusters import kubeconfigs

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(status: str = "200 OK", body: bytes = b"{}", **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines])
    return f"{head}\r\n\r\n".encode() + body


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Server:
    """The server's address, what it does next, and the heads of the requests that came."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.behaviour: Behaviour | bytes = b""
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
                if isinstance(self.behaviour, bytes):
                    writer.write(self.behaviour)
                    await writer.drain()
                else:
                    await self.behaviour(writer)
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    def connection(self, **options: float) -> Connection:
        ca = kubeconfigs.authority().cert_pem.bytes().decode()
        return Connection("spoke", ClusterCredentials(self.address, ca=ca, token="secret-token"), **options)  # type: ignore[arg-type]


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    kubeconfigs.authority().issue_cert("127.0.0.1").configure_cert(context)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await server.serve(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    server.address = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
