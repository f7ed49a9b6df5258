"""What the hub says of itself: version, health, readiness, metrics."""

from __future__ import annotations

import json
from importlib.metadata import distribution

from cmf_core.models import (
    LicenseInformation,
    LicenseStatus,
    Model,
    ResourceInformation,
    SystemInformation,
    SystemInformationStatus,
)
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.paths import V1

_PACKAGE = "cmf-hub"


async def information(_: Call) -> Answer:
    """Return the hub's version, and the revision that it was installed from."""
    status = SystemInformationStatus(version=distribution(_PACKAGE).version, revision=_revision())
    return _answer(SystemInformation(status=status))


async def resources(call: Call) -> Answer:
    """Return how many resources of each kind there are, and what CPU and memory they use together."""
    return _answer(await call.services.information.everything())


async def license_information(_: Call) -> Answer:
    """Return the hub's licence: it is open (Apache-2.0), needs no key, and never expires.

    It says nothing of a licence of Confluent's, which what a client manages through this hub may need.
    """
    status = LicenseStatus(status="VALID", license_type="APACHE-2.0")
    return _answer(LicenseInformation(kind="C3LicenseInformation", status=status))


def _revision() -> str:
    """Return the commit that the package was installed from if the installer knows it, else the release's tag."""
    origin = json.loads(distribution(_PACKAGE).read_text("direct_url.json") or "{}")
    commit = (origin.get("vcs_info") or {}).get("commit_id")
    return commit or f"v{distribution(_PACKAGE).version}"


def _answer(model: Model) -> Answer:
    return Answer(json.dumps(model.wire(), ensure_ascii=False))


async def healthz(_: Request) -> Response:
    """Answer as long as the process serves requests."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """Answer 200 while the hub leads, has started and is not shutting down, else 503."""
    if getattr(request.app.state, "ready", False):
        return PlainTextResponse("ok")
    return PlainTextResponse("starting, standing by or shutting down", status_code=503)


async def metrics(_: Request) -> Response:
    """Return the metrics of hub and clusters in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


OPERATIONS = (
    Operation("GET", f"{V1}/system-information", information, id="getSystemInformation", gives=SystemInformation),
    Operation("GET", f"{V1}/resource-information", resources, id="getResourceInformation", gives=ResourceInformation),
    Operation("GET", f"{V1}/c3/license", license_information, id="getC3LicenseInformation", gives=LicenseInformation),
)
