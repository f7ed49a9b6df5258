"""Operations on the events of an application."""

from __future__ import annotations

from cmf_core.models import FlinkApplicationEvent

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.paths import V1ALPHA1
from cmf_hub.flink.events import EVENT
from cmf_hub.flink.placement import APPLICATION
from cmf_hub.store import Key

LISTING = Listing(
    EVENT,
    words={"type": ("status", "type")},
    search={"message": ("status", "message"), "flinkApplicationInstance": ("metadata", "flinkApplicationInstance")},
    exact=("flinkApplicationInstance",),
)


async def page(call: Call) -> Answer:
    """List the events of an application, the newest first."""
    request = call.page(LISTING)
    application = Key(APPLICATION, call.path["environment"], call.path["application"])
    return Answer(request.answer(call.services.views.history_page(application, request.query)))


OPERATIONS = (
    Operation(
        "GET", f"{V1ALPHA1}/environments/{{environment}}/applications/{{application}}/events", page, (200, 404),
        id="getApplicationEvents", gives=FlinkApplicationEvent, listing=LISTING,
    ),
)  # fmt: skip
