"""A web server in this process that stands in for a JobManager's REST API, and tells what came."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.support.backend import reachable_address

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class JobManager:
    """What answers, what was asked, and how many requests are under way.

    Attributes:
        behaviour: what it does with a request; at first it says what came.
        requests: method and path, as they came, of each request.
        open: requests that have not ended.
        port: where it listens.
    """

    def __init__(self) -> None:
        self.behaviour: Behaviour = echo
        self.requests: list[str] = []
        self.open = 0
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.raw_path}")
        self.open += 1
        try:
            return await self.behaviour(request)
        finally:
            self.open -= 1


async def echo(request: web.Request) -> web.StreamResponse:
    """Answer with what came."""
    seen = {"method": request.method, "path": request.raw_path, "headers": dict(request.headers)}
    return web.json_response({**seen, "body": (await request.read()).decode()})


def answering(text: str = "", status: int = 200, **headers: str) -> Behaviour:
    """Answer always the same."""

    async def behave(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return behave


def serving(documents: dict[str, Any]) -> Behaviour:
    """Answer with the JSON document of a path, else as Flink answers to what it does not know."""

    async def behave(request: web.Request) -> web.StreamResponse:
        found = documents.get(request.path)
        if found is None:
            return web.json_response({"errors": [f"Not found: {request.path}"]}, status=404)
        return web.json_response(found)

    return behave


@contextmanager
def job_manager() -> Iterator[JobManager]:
    """A running stand-in, in a thread of its own."""
    made, started = JobManager(), threading.Event()
    address = reachable_address()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", made.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, address, 0).start()
        made.port = runner.addresses[0][1]
        started.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        with contextlib.suppress(RuntimeError):
            loop.close()
