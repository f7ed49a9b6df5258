"""Operations on statements."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cmf_core.errors import BadRequest
from cmf_core.models import Statement, StatementExceptionList, StatementPhase, StatementResult
from cmf_core.rules.roles import Action, ResourceType
from starlette.datastructures import QueryParams

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.parameters import FORCE, USAGE, Parameter
from cmf_hub.api.paths import IN_ENVIRONMENT
from cmf_hub.auth.needs import Right
from cmf_hub.flink.placement import STATEMENT
from cmf_hub.store import Condition, Key

_PHASE = ("status", "phase")
_POOL = ("spec", "computePoolName")
LISTING = Listing(
    STATEMENT,
    words={"phase": _PHASE},
    search={"name": ("name",), "statement": ("spec", "statement")},
    more_sorts={"status.phase": _PHASE, "spec.computePoolName": _POOL},
)


async def page(call: Call) -> Answer:
    """List the statements of an environment."""
    request = call.page(LISTING, call.path["environment"], list(_conditions(call.query)))
    return Answer(request.answer(call.services.views.page(request.query, usage=call.flag(USAGE.name))))


async def create(call: Call) -> Answer:
    """Create a statement."""
    await _may_use_pool(call, sent := call.parsed(Statement))
    record = await call.services.statements.create(call.path["environment"], sent)
    return Answer(call.services.views.one(record.key))


async def one(call: Call) -> Answer:
    """Return a statement."""
    return Answer(call.services.views.one(_key(call), usage=call.flag(USAGE.name)))


async def update(call: Call) -> Answer:
    """Update a statement; the answer has no body."""
    key = _key(call)
    await _may_use_pool(call, sent := call.named(Statement, key.name))
    await call.services.statements.update(key.scope, key.name, sent)
    return Answer()


async def results(call: Call) -> Answer:
    """Return a page of a statement's results; its annotation `nextPageToken` names the next one."""
    key = _key(call)
    page = await call.services.statements.results(key.scope, key.name, call.query.get(_PAGE_TOKEN.name))
    return Answer(json.dumps(page, ensure_ascii=False))


async def delete(call: Call) -> Answer:
    """Delete a statement: 204 if it is gone, 202 while its job ends on the cluster (D29)."""
    key = _key(call)
    gone = await call.services.statements.delete(key.scope, key.name, force=call.flag(FORCE.name))
    return Answer(status=204 if gone else 202)


async def exceptions(call: Call) -> Answer:
    """Return the last ten exceptions of a statement, newest first."""
    key = _key(call)
    found = await call.services.statement_exceptions.last(key.scope, key.name)
    return Answer(json.dumps(found.wire(), ensure_ascii=False))


async def _may_use_pool(call: Call, statement: Statement) -> None:
    pool, environment = statement.spec.compute_pool_name, call.path["environment"]
    await call.permissions.require(Right(Action.VIEW, ResourceType.POOL, pool, environment))


def _conditions(query: QueryParams) -> Iterator[Condition]:
    if pool := query.get(_ON_POOL.name):
        yield Condition((_POOL,), "in", (pool,))
    if name := query.get(_NAMED.name):
        yield Condition((("name",),), "like", (name,))
    if (phase := query.get(_IN_PHASE.name)) is not None:
        if phase.upper() not in list(StatementPhase):
            known = ", ".join(known.lower() for known in StatementPhase)
            raise BadRequest(f"phase '{phase}' is not one of {known}")
        yield Condition((_PHASE,), "in", (phase.upper(),))


def _key(call: Call) -> Key:
    return Key(STATEMENT, call.path["environment"], call.path["statement"])


_ON_POOL = Parameter("compute-pool", "Name of the pool that the statements run on.")
_IN_PHASE = Parameter(
    "phase",
    "Phase that the statements are in.",
    {"type": "string", "enum": [phase.lower() for phase in StatementPhase]},
)
_NAMED = Parameter("name", "Name of the statements, with * as wildcard; `filter` can do the same.")
_PAGE_TOKEN = Parameter("page-token", "Page of the results, as the page before it says; the first one without it.")
_LIST = f"{IN_ENVIRONMENT}/statements"
_ONE = f"{_LIST}/{{statement}}"

OPERATIONS = (
    Operation(
        "GET", _LIST, page, (200, 404),
        id="getStatements", gives=Statement, listing=LISTING, parameters=(_ON_POOL, _IN_PHASE, _NAMED, USAGE),
    ),
    Operation(
        "POST", _LIST, create, (200, 400, 404, 409, 422), id="createStatement", body=Statement, gives=Statement
    ),
    Operation("GET", _ONE, one, (200, 404), id="getStatement", gives=Statement, parameters=(USAGE,)),
    Operation(
        "GET", f"{_ONE}/results", results, (200, 400, 403, 404, 410, 503),
        id="getStatementResult", gives=StatementResult, parameters=(_PAGE_TOKEN,),
    ),
    Operation("PUT", _ONE, update, (200, 400, 404, 409, 422), id="updateStatement", body=Statement),
    Operation("DELETE", _ONE, delete, (204, 202, 404), id="deleteStatement", parameters=(FORCE,)),
    Operation(
        "GET", f"{_ONE}/exceptions", exceptions, (200, 404), id="getStatementExceptions", gives=StatementExceptionList
    ),
)  # fmt: skip
