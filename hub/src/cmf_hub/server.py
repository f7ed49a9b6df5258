"""The hub as a process: its HTTP server, its signals, and with PostgreSQL its turn to lead."""

from __future__ import annotations

import asyncio
import gc
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.applications import Starlette

from cmf_hub.app import create_app
from cmf_hub.auth.audit import write_to
from cmf_hub.auth.protocol import HubProtocol
from cmf_hub.auth.security import server_tls
from cmf_hub.clock import SystemClock
from cmf_hub.settings import Settings
from cmf_hub.standby import create_standby, leadership
from cmf_hub.store import LeadershipLost, Postgres

log = structlog.get_logger(__name__)


async def run(chosen: Settings) -> None:
    """Run the hub until SIGTERM or SIGINT; requests in flight are answered first.

    Raises:
        SettingsError: a file of keys, certificates or role bindings cannot be used.
        StoreError: the database cannot be used, or (LeadershipLost) is another hub's now.
    """
    if chosen.audit_file is not None:
        write_to(chosen.audit_file)
    server = _Server(chosen)
    primary = None
    if chosen.database_url is not None:
        primary = await _lead(server, chosen, chosen.database_url.get_secret_value())
        if primary is None:
            return
    hub = create_app(chosen, primary=primary)
    if server.tls is not None:
        hub.state.security.follow(server.tls)
    lost: list[LeadershipLost] = []
    if primary is not None:
        loop = asyncio.get_running_loop()

        def end(why: LeadershipLost) -> None:
            lost.append(why)
            loop.call_soon_threadsafe(server.stop)

        primary.on_lost = end
    async with hub.router.lifespan_context(hub):
        gc.collect()
        gc.freeze()  # what there is now stays: the collector need not look at it again and again
        await server.serve(hub)
    if lost:
        raise lost[0]


async def _lead(server: _Server, chosen: Settings, url: str) -> Postgres | None:
    """Return the database when this hub leads, which another one may do first; None if it shall stop meanwhile."""

    async def take() -> Postgres | None:
        return await asyncio.to_thread(Postgres.take, url, chosen.database_patience_seconds)

    taken = await take()
    if taken is not None:
        return taken
    log.info("another hub leads, and this one stands by")
    waiting = asyncio.create_task(leadership(take, SystemClock()))
    waiting.add_done_callback(lambda _: server.end())
    await server.serve(create_standby())
    if not waiting.done():
        waiting.cancel()
        return None
    primary = waiting.result()
    if server.stopped:
        primary.close()
        return None
    return primary


class _Server:
    """An HTTP server for one application after the other, until the process is told to stop."""

    def __init__(self, chosen: Settings) -> None:
        self.tls = server_tls(chosen)
        self.stopped = False
        self._chosen = chosen
        self._now: _Uvicorn | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    def stop(self) -> None:
        """Stop for good; a second time, without waiting for requests in flight."""
        self.stopped = True
        if self._now is not None:
            self._now.handle_exit(signal.SIGTERM, None)

    def end(self) -> None:
        """End the application that is served now."""
        if self._now is not None:
            self._now.should_exit = True

    async def serve(self, application: Starlette) -> None:
        """Serve an application until `end` or `stop`."""
        tls, chosen = self.tls, self._chosen
        config = uvicorn.Config(
            application,
            host=chosen.host,
            port=chosen.port,
            http=HubProtocol,
            proxy_headers=False,  # callers could choose the address that logs show
            ssl_context_factory=None if tls is None else lambda *_: tls.context,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(chosen.shutdown_timeout_seconds),
        )
        if not self.stopped:
            self._now = _Uvicorn(config)
            await self._now.serve()
            self._now = None


class _Uvicorn(uvicorn.Server):
    """A server that leaves signals to us: uvicorn would raise them again before the hub has stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handlers: `_Server` has done so."""
        yield
