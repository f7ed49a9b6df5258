"""The composition root: makes the parts, starts them in order, and stops them in the opposite one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from cmf_hub.api import AccessLog, Guard, fallback, routes
from cmf_hub.auth.security import Security
from cmf_hub.clock import Clock, SystemClock
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.clusters.reports import ClusterEvent
from cmf_hub.flink.reconciler import Reconciler
from cmf_hub.flink.watch import Watches
from cmf_hub.services import create_services
from cmf_hub.settings import Settings
from cmf_hub.store import Postgres, Store

log = structlog.get_logger(__name__)


def create_app(settings: Settings, clock: Clock | None = None, primary: Postgres | None = None) -> Starlette:
    """Return the hub as an ASGI application; it lives between its lifespan's start and end.

    Args:
        settings: all of them.
        clock: where its time comes from; the machine by default.
        primary: the PostgreSQL database that it leads, instead of `settings.database`; it is closed at the end.

    Raises:
        SettingsError: a file of keys or role bindings cannot be used.
    """
    hub_clock = clock or SystemClock()
    security = Security(settings, hub_clock)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as parts:
            store = await (Store.open(settings.database) if primary is None else Store.copy_of(primary))
            parts.push_async_callback(store.close)
            parts.push_async_callback(security.stop)
            await security.start()
            registry = ClusterRegistry(store, settings, hub_clock)
            reconciler = Reconciler(store, registry.require_writable, settings, hub_clock)
            watches = Watches(store, registry.require_writable, reconciler, settings, hub_clock)
            app.state.services = create_services(store, registry, reconciler, settings, hub_clock, watches.preflight)

            def happened(cluster: str, event: ClusterEvent) -> None:
                if event in (ClusterEvent.CONNECTED, ClusterEvent.NEW_CREDENTIALS):
                    watches.follow(cluster)
                else:
                    watches.leave(cluster)

            registry.subscribe(happened)
            parts.push_async_callback(registry.stop)
            parts.push_async_callback(watches.stop)
            parts.push_async_callback(reconciler.stop)
            await app.state.services.secrets.encrypt_anew()
            await registry.start()
            await reconciler.start()
            parts.push_async_callback(app.state.services.queries.stop)
            await app.state.services.queries.start()
            app.state.ready = True
            database = str(settings.database) if primary is None else primary.name
            log.info("hub is ready", database=database, clusters=sorted(registry.names()))
            try:
                yield
            finally:
                app.state.ready = False
                log.info("hub is stopping")

    app = Starlette(
        routes=routes(settings),
        lifespan=lifespan,
        middleware=[Middleware(AccessLog), Middleware(Guard, security)],
        exception_handlers={HTTPException: fallback},
    )
    app.router.redirect_slashes = False
    app.state.security = security
    return app
