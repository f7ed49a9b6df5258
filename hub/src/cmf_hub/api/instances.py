"""Operations on the instances of an application."""

from __future__ import annotations

from cmf_core.models import FlinkApplicationInstance

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.paths import IN_ENVIRONMENT
from cmf_hub.flink.instances import INSTANCE
from cmf_hub.flink.placement import APPLICATION
from cmf_hub.store import Key

LISTING = Listing(INSTANCE)


async def page(call: Call) -> Answer:
    """List the instances of an application, the newest first."""
    request = call.page(LISTING)
    return Answer(request.answer(call.services.views.history_page(_application(call), request.query)))


async def one(call: Call) -> Answer:
    """Return an instance of an application."""
    return Answer(call.services.views.history_entry(_application(call), INSTANCE, call.path["instance"]))


def _application(call: Call) -> Key:
    return Key(APPLICATION, call.path["environment"], call.path["application"])


_LIST = f"{IN_ENVIRONMENT}/applications/{{application}}/instances"

OPERATIONS = (
    Operation(
        "GET", _LIST, page, (200, 404),
        id="getApplicationInstances", gives=FlinkApplicationInstance, listing=LISTING,
    ),
    Operation(
        "GET", f"{_LIST}/{{instance}}", one, (200, 404), id="getApplicationInstance", gives=FlinkApplicationInstance
    ),
)  # fmt: skip
