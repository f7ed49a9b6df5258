"""Operations on environments."""

from __future__ import annotations

from cmf_core.models import Environment

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation, Reach
from cmf_hub.api.parameters import FORCE, USAGE
from cmf_hub.api.paths import IN_ENVIRONMENT, V1
from cmf_hub.flink.placement import ENVIRONMENT
from cmf_hub.store import Key

LISTING = Listing(
    ENVIRONMENT,
    search={"name": ("name",), "kubernetesNamespace": ("kubernetesNamespace",)},
    more_sorts={
        "kubernetesNamespace": ("kubernetesNamespace",),
        "kubernetesClusterName": ("kubernetesClusterName",),
        "created_time": ("created_time",),
        "updated_time": ("updated_time",),
    },
)


async def page(call: Call) -> Answer:
    """List environments."""
    request = call.page(LISTING)
    return Answer(request.answer(call.services.views.page(request.query, usage=call.flag(USAGE.name))))


async def upsert(call: Call) -> Answer:
    """Create or update an environment."""
    record = await call.services.environments.upsert(call.parsed(Environment))
    return Answer(call.services.views.one(record.key))


async def one(call: Call) -> Answer:
    """Return an environment."""
    key = Key(ENVIRONMENT, "", call.path["environment"])
    return Answer(call.services.views.one(key, usage=call.flag(USAGE.name)))


async def delete(call: Call) -> Answer:
    """Delete an environment."""
    await call.services.environments.delete(call.path["environment"], force=call.flag(FORCE.name))
    return Answer()


OPERATIONS = (
    Operation(
        "GET", f"{V1}/environments", page, (200, 304),
        id="getEnvironments", gives=Environment, listing=LISTING, parameters=(USAGE,),
    ),
    Operation(
        "POST", f"{V1}/environments", upsert, (200, 400),
        id="createOrUpdateEnvironment", body=Environment, gives=Environment,
    ),
    Operation("GET", IN_ENVIRONMENT, one, (200, 404), id="getEnvironment", gives=Environment, parameters=(USAGE,)),
    Operation(
        "DELETE", IN_ENVIRONMENT, delete, (204, 304, 404, 409),
        id="deleteEnvironment", parameters=(FORCE,), reach=Reach.CONNECTED,
    ),
)  # fmt: skip
