"""Operations on compute pools."""

from __future__ import annotations

from cmf_core.models import ComputePool

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.parameters import FORCE, USAGE
from cmf_hub.api.paths import IN_ENVIRONMENT
from cmf_hub.flink.placement import POOL
from cmf_hub.store import Key

_PHASE = ("status", "phase")
LISTING = Listing(POOL, words={"phase": _PHASE}, more_sorts={"status.phase": _PHASE, "spec.type": ("spec", "type")})


async def page(call: Call) -> Answer:
    """List the compute pools of an environment."""
    request = call.page(LISTING, call.path["environment"])
    return Answer(request.answer(call.services.views.page(request.query, usage=call.flag(USAGE.name))))


async def create(call: Call) -> Answer:
    """Create a compute pool."""
    record = await call.services.pools.create(call.path["environment"], call.parsed(ComputePool))
    return Answer(call.services.views.one(record.key))


async def one(call: Call) -> Answer:
    """Return a compute pool."""
    return Answer(call.services.views.one(_key(call), usage=call.flag(USAGE.name)))


async def update(call: Call) -> Answer:
    """Update a compute pool."""
    key = _key(call)
    await call.services.pools.update(key.scope, key.name, call.named(ComputePool, key.name))
    return Answer(call.services.views.one(key))


async def delete(call: Call) -> Answer:
    """Delete a compute pool; its session cluster may still end on the cluster."""
    key = _key(call)
    await call.services.pools.delete(key.scope, key.name, force=call.flag(FORCE.name))
    return Answer()


def _key(call: Call) -> Key:
    return Key(POOL, call.path["environment"], call.path["pool"])


_LIST = f"{IN_ENVIRONMENT}/compute-pools"
_ONE = f"{_LIST}/{{pool}}"

OPERATIONS = (
    Operation(
        "GET", _LIST, page, (200, 404), id="getComputePools", gives=ComputePool, listing=LISTING, parameters=(USAGE,)
    ),
    Operation(
        "POST", _LIST, create, (200, 400, 404, 409, 422), id="createComputePool", body=ComputePool, gives=ComputePool
    ),
    Operation("GET", _ONE, one, (200, 404), id="getComputePool", gives=ComputePool, parameters=(USAGE,)),
    Operation(
        "PUT", _ONE, update, (200, 400, 404, 409, 422), id="updateComputePool", body=ComputePool, gives=ComputePool
    ),
    Operation("DELETE", _ONE, delete, (204, 404, 409), id="deleteComputePool", parameters=(FORCE,)),
)
