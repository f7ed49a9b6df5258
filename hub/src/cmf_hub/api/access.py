"""One log line and one metric a request, and the id that ties them to whatever else it caused."""

from __future__ import annotations

import re
import time
from collections.abc import MutableMapping
from functools import lru_cache
from random import getrandbits
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cmf_hub.metrics import REQUEST_SECONDS, REQUESTS, REQUESTS_IN_FLIGHT

_SANE_ID = re.compile(r"[-A-Za-z0-9_.]{1,64}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger("cmf_hub.access")


class AccessLog:
    """ASGI middleware around everything. A caller's X-Request-Id is taken over if it is harmless."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = scope["cmf.request_id"] = _request_id(scope)
        started = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=identity), REQUESTS_IN_FLIGHT.track_inprogress():
            try:
                await self._app(scope, receive, noted)
            finally:
                _note(scope, status, time.perf_counter() - started)


def _request_id(scope: MutableMapping[str, Any]) -> str:
    sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return (
        sent if _SANE_ID.fullmatch(sent) else f"{getrandbits(128):032x}"
    )  # no secret: it need not come from the system


def _note(scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
    path = scope.get("cmf.path", "other")
    requests, request_seconds = _series(scope["method"] if path != "other" else "any", path, status)
    requests.inc()
    request_seconds.observe(seconds)
    if scope["path"] not in _QUIET:
        log.info(
            "request", method=scope["method"], path=scope["path"], query=scope["query_string"].decode("latin-1"),
            status=status, milliseconds=round(seconds * 1000, 1), client=(scope.get("client") or ("",))[0],
        )  # fmt: skip


@lru_cache(maxsize=4096)
def _series(method: str, path: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, path, status), REQUEST_SECONDS.labels(path)
