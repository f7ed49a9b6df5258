"""A hub that waits until it may lead: it answers its probes, and everything else with 503."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from cmf_core.errors import ServiceUnavailable
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cmf_hub.api import AccessLog
from cmf_hub.api.answers import error_response
from cmf_hub.api.system import healthz, metrics, readyz
from cmf_hub.clock import Clock
from cmf_hub.store import Postgres, StoreError

TRY_SECONDS = 1.0
"""How often a hub that stands by tries to lead: a part of what a fail-over takes."""

log = structlog.get_logger(__name__)


def create_standby() -> Starlette:
    """Return the ASGI application of a hub that stands by."""
    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)],
        middleware=[Middleware(AccessLog)],
        exception_handlers={HTTPException: _standing_by},
    )


async def leadership(take: Callable[[], Awaitable[Postgres | None]], clock: Clock) -> Postgres:
    """Return the database when this hub leads; one that cannot be reached meanwhile is waited for, and told once."""
    told = ""
    while True:
        await clock.sleep(TRY_SECONDS)
        try:
            taken = await take()
        except StoreError as error:
            if str(error) != told:
                told = str(error)
                log.warning("the database cannot be asked who leads", error=told)
        else:
            told = ""
            if taken is not None:
                return taken


def _standing_by(request: Request, exception: Exception) -> Response:
    return error_response(
        ServiceUnavailable("This hub stands by, and another one leads: ask that one", retry_after=TRY_SECONDS)
    )
