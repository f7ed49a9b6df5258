"""Operations on the savepoints of applications and statements, and on detached ones."""

from __future__ import annotations

from collections.abc import Iterator

from cmf_core.models import Savepoint

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.parameters import Parameter, flag
from cmf_hub.api.paths import IN_ENVIRONMENT, V1
from cmf_hub.flink.placement import APPLICATION, STATEMENT
from cmf_hub.flink.savepoints import SAVEPOINT, scope_of_job
from cmf_hub.store import Condition, Key

LISTING = Listing(SAVEPOINT)


async def page(call: Call) -> Answer:
    """List the savepoints of an application or a statement."""
    request = call.page(LISTING, scope_of_job(_job(call)))
    return Answer(request.answer(call.services.views.page(request.query)))


async def create(call: Call) -> Answer:
    """Take a savepoint; the answer does not wait for it."""
    key = await call.services.savepoints.create(_job(call), call.parsed(Savepoint))
    return Answer(call.services.views.one(key))


async def one(call: Call) -> Answer:
    """Return a savepoint."""
    return Answer(call.services.views.one(Key(SAVEPOINT, scope_of_job(_job(call)), call.path["savepoint"])))


async def delete(call: Call) -> Answer:
    """Delete a savepoint, which may wait until the operator has deleted its data."""
    await call.services.savepoints.delete(_job(call), call.path["savepoint"], force=call.flag(_FORCE.name))
    return Answer()


async def detach(call: Call) -> Answer:
    """Detach a savepoint from its application, whose deletion it then survives."""
    return Answer(call.services.views.one(await call.services.savepoints.detach(_job(call), call.path["savepoint"])))


async def detached_page(call: Call) -> Answer:
    """List the detached savepoints."""
    prefix = call.query.get(_PREFIX.name)
    conditions = [Condition((("name",),), "like", (f"{prefix}*",))] if prefix else []
    request = call.page(LISTING, conditions=conditions)
    return Answer(request.answer(call.services.views.page(request.query)))


async def create_detached(call: Call) -> Answer:
    """Create a detached savepoint for data that are there."""
    return Answer(call.services.views.one(await call.services.detached_savepoints.create(call.parsed(Savepoint))))


async def one_detached(call: Call) -> Answer:
    """Return a detached savepoint."""
    return Answer(call.services.views.one(Key(SAVEPOINT, "", call.path["savepoint"])))


async def delete_detached(call: Call) -> Answer:
    """Delete a detached savepoint; its data stay."""
    await call.services.detached_savepoints.delete(call.path["savepoint"])
    return Answer()


def _job(call: Call) -> Key:
    kind = APPLICATION if "application" in call.path else STATEMENT
    return Key(kind, call.path["environment"], call.path[kind.removeprefix("Flink").lower()])


_FORCE = flag("force", "Remove a savepoint that is pending deletion at once; its data stay.")
_PREFIX = Parameter("name", "Beginning of the names; `filter` can do the same.")
_DETACHED = f"{V1}/detached-savepoints"


def _of(plural: str, kind: str, called: str) -> Iterator[Operation]:
    listed = f"{IN_ENVIRONMENT}/{plural}/{{{kind}}}/savepoints"
    each = f"{listed}/{{savepoint}}"
    yield Operation("GET", listed, page, (200, 404), id=f"getSavepointsFor{called}", gives=Savepoint, listing=LISTING)
    yield Operation(
        "POST", listed, create, (201, 400, 404, 409, 422),
        id=f"createSavepointFor{called}", body=Savepoint, optional=True, gives=Savepoint,
    )  # fmt: skip
    yield Operation("GET", each, one, (200, 404), id=f"getSavepointFor{called}", gives=Savepoint)
    yield Operation("DELETE", each, delete, (204, 404), id=f"deleteSavepointFor{called}", parameters=(_FORCE,))


OPERATIONS = (
    *_of("applications", "application", "FlinkApplication"),
    Operation(
        "POST", f"{IN_ENVIRONMENT}/applications/{{application}}/savepoints/{{savepoint}}/detach", detach,
        (200, 404, 409), id="detachSavepointFromFlinkApplication", gives=Savepoint,
    ),
    *_of("statements", "statement", "FlinkStatement"),
    Operation("GET", _DETACHED, detached_page, (200,),
        id="listDetachedSavepoints", gives=Savepoint, listing=LISTING, parameters=(_PREFIX,),
    ),
    Operation("POST", _DETACHED, create_detached, (201, 400, 409, 422),
        id="createDetachedSavepoint", body=Savepoint, optional=True, gives=Savepoint,
    ),
    Operation("GET", f"{_DETACHED}/{{savepoint}}", one_detached, (200, 404),
        id="getDetachedSavepoint", gives=Savepoint,
    ),
    Operation("DELETE", f"{_DETACHED}/{{savepoint}}", delete_detached, (204, 404), id="deleteDetachedSavepoint"),
)  # fmt: skip
