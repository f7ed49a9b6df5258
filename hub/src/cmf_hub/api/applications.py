"""Operations on Flink applications."""

from __future__ import annotations

from cmf_core.models import FlinkApplication

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.parameters import FORCE, USAGE, Parameter
from cmf_hub.api.paths import IN_ENVIRONMENT
from cmf_hub.flink.placement import APPLICATION
from cmf_hub.store import Key

LISTING = Listing(APPLICATION, words={"state": ("status", "jobStatus", "state")})


async def page(call: Call) -> Answer:
    """List the applications of an environment."""
    request = call.page(LISTING, call.path["environment"])
    return Answer(request.answer(call.services.views.page(request.query, usage=call.flag(USAGE.name))))


async def upsert(call: Call) -> Answer:
    """Create or update an application."""
    record = await call.services.applications.upsert(call.path["environment"], call.parsed(FlinkApplication))
    return Answer(call.services.views.one(record.key))


async def one(call: Call) -> Answer:
    """Return an application."""
    return Answer(call.services.views.one(_key(call), usage=call.flag(USAGE.name)))


async def delete(call: Call) -> Answer:
    """Delete an application; its deployment may still end on the cluster."""
    key = _key(call)
    await call.services.applications.delete(key.scope, key.name, force=call.flag(FORCE.name))
    return Answer()


async def start(call: Call) -> Answer:
    """Start the job of an application."""
    key = _key(call)
    savepoint = call.query.get(_SAVEPOINT.name)
    if not await call.services.applications.start(key.scope, key.name, savepoint):
        return Answer(status=304)
    return Answer(call.services.views.one(key))


async def suspend(call: Call) -> Answer:
    """Suspend the job of an application."""
    key = _key(call)
    if not await call.services.applications.suspend(key.scope, key.name):
        return Answer(status=304)
    return Answer(call.services.views.one(key))


def _key(call: Call) -> Key:
    return Key(APPLICATION, call.path["environment"], call.path["application"])


_SAVEPOINT = Parameter("startFromSavepointUid", "Uid of the savepoint to start from.")
_LIST = f"{IN_ENVIRONMENT}/applications"
_ONE = f"{_LIST}/{{application}}"

OPERATIONS = (
    Operation(
        "GET", _LIST, page, (200, 304, 404),
        id="getApplications", gives=FlinkApplication, listing=LISTING, parameters=(USAGE,),
    ),
    Operation(
        "POST", _LIST, upsert, (201, 400, 404, 409, 422),
        id="createOrUpdateApplication", body=FlinkApplication, gives=FlinkApplication,
    ),
    Operation("GET", _ONE, one, (200, 304, 404), id="getApplication", gives=FlinkApplication, parameters=(USAGE,)),
    Operation("DELETE", _ONE, delete, (204, 304, 404), id="deleteApplication", parameters=(FORCE,)),
    Operation(
        "POST", f"{_ONE}/start", start, (200, 304, 404, 409, 422),
        id="startApplication", gives=FlinkApplication, parameters=(_SAVEPOINT,),
    ),
    Operation(
        "POST", f"{_ONE}/suspend", suspend, (200, 304, 404, 409, 422),
        id="suspendApplication", gives=FlinkApplication,
    ),
)  # fmt: skip
