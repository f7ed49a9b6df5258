"""What the hub says of itself: version, health, readiness, metrics."""

from __future__ import annotations

import json
from importlib.metadata import version

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.paths import V1


async def information(_: Call) -> Answer:
    """Return the hub's version."""
    number = version("cmf-hub")
    return Answer(json.dumps({"status": {"version": number, "revision": number}}))


async def healthz(_: Request) -> Response:
    """Answer as long as the process serves requests."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """Answer 200 while the hub has started and is not shutting down, else 503."""
    if getattr(request.app.state, "ready", False):
        return PlainTextResponse("ok")
    return PlainTextResponse("starting or shutting down", status_code=503)


async def metrics(_: Request) -> Response:
    """Return the metrics of hub and clusters in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


OPERATIONS = (Operation("GET", f"{V1}/system-information", information),)
