"""From the table of operations to HTTP: one route a path, one way of reading, answering and failing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import structlog
from cmf_core.errors import BadRequest, CmfError, MethodNotAllowed, PayloadTooLarge, ServerError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from cmf_hub.api import (
    applications,
    catalogs,
    clusters,
    environments,
    events,
    instances,
    orphans,
    pools,
    savepoints,
    secrets,
    statements,
    system,
)
from cmf_hub.api.answers import error_response, response, unless_known
from cmf_hub.api.documentation import documentation
from cmf_hub.api.encoding import JSON, accepted, accepted_or_json
from cmf_hub.api.operation import Call, Operation
from cmf_hub.api.parameters import FORCE
from cmf_hub.api.permissions import asked_for, permissions_of
from cmf_hub.api.web_ui import web_ui_routes
from cmf_hub.auth.audit import AuditEntry
from cmf_hub.auth.needs import EACH, IN_BODY
from cmf_hub.settings import Settings

OPERATIONS: tuple[Operation, ...] = (
    *environments.OPERATIONS,
    *applications.OPERATIONS,
    *instances.OPERATIONS,
    *events.OPERATIONS,
    *pools.OPERATIONS,
    *statements.OPERATIONS,
    *savepoints.OPERATIONS,
    *clusters.OPERATIONS,
    *orphans.OPERATIONS,
    *secrets.OPERATIONS,
    *catalogs.OPERATIONS,
    *system.OPERATIONS,
)
"""Every operation of the API."""

log = structlog.get_logger(__name__)


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes of the API and of the hub's own pages. Handlers find the services in `app.state`."""
    paths: dict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in OPERATIONS:
        paths[operation.path][operation.method] = operation
    own = (("/healthz", system.healthz), ("/readyz", system.readyz), ("/metrics", system.metrics))
    return [
        _Grouped([Route(path, _Path(path, operations, settings)) for path, operations in paths.items()]),
        *(Route(path, endpoint) for path, endpoint in own),
        *documentation(OPERATIONS),
        *web_ui_routes(settings),
    ]


class _Grouped(BaseRoute):
    """The API's routes by length and collection of their path: a request is compared with few of them, not all."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._groups: dict[tuple[int, str], list[Route]] = defaultdict(list)
        for route in routes:
            self._groups[_group(route.path)].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether there is a route for a request, and what the route found in its path."""
        if scope["type"] == "http":
            for route in self._groups.get(_group(scope["path"]), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    return match, found
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry out a request by the endpoint that `matches` found."""
        await scope["endpoint"](scope, receive, send)


def _group(path: str) -> tuple[int, str]:
    """Return how many segments a path has, and the one after `/cmf/api/v1`."""
    segments = path.split("/")
    return len(segments), segments[4] if len(segments) > 4 else ""


class _Path:
    """All operations of one path, as an ASGI application: Starlette then leaves the methods to us."""

    def __init__(self, path: str, operations: Mapping[str, Operation], settings: Settings) -> None:
        self._path = path
        self._operations = operations
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        scope["cmf.path"] = self._path
        answer = await self._answer(request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        media = JSON
        try:
            media = accepted(request.headers.get("accept"))
            return await self._carried_out(request, media)
        except CmfError as error:
            return error_response(error, media)
        except ClientDisconnect:
            return error_response(BadRequest("The client went away before it had sent the whole body"))
        except Exception:
            log.exception("internal error")
            identity = request.scope.get("cmf.request_id", "unknown")
            return error_response(ServerError(f"Internal error: the hub's log has it as request {identity}"), media)

    async def _carried_out(self, request: Request, media: str) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        operation = self._operations.get(method)
        if operation is None:
            return self._no_such_method(request.method, media)
        for parameter in operation.every_parameter():
            if not parameter.repeats and len(request.query_params.getlist(parameter.name)) > 1:
                raise BadRequest(f"{parameter.name} is given more than once: give it once")
        call = Call(
            services=request.app.state.services,
            settings=self._settings,
            path=request.path_params,
            query=request.query_params,
            content_type=request.headers.get("content-type"),
            body=await self._body(request, operation),
            permissions=permissions_of(request),
        )
        call = await self._permitted(request, operation, call)
        given = await operation.handler(call)
        answer = response(given.text, given.status or operation.codes[0], media)
        if method == "GET" and 304 in operation.codes:
            answer = unless_known(answer, request.headers.get("if-none-match"))
        return answer

    async def _permitted(self, request: Request, operation: Operation, call: Call) -> Call:
        """Return the call with what its caller may see; refuse it if he may not do it. The audit trail gets to know it.

        Raises:
            Forbidden: he may not.
            BadRequest, UnsupportedMediaType: the body, which has the name of the resource, cannot be read.
        """
        entry: AuditEntry = request.scope["cmf.audit"]
        needs = operation.needs
        entry.operation, entry.write = operation.id, operation.method != "GET"
        entry.right = asked_for(needs, call.path)
        if entry.write:
            entry.forced = call.query.get(FORCE.name, "").lower() == "true"
            entry.cluster = call.path.get("cluster") or call.services.views.cluster_of(call.path.get("environment"))
        if needs.name == IN_BODY and operation.body is not None:
            entry.right = asked_for(needs, call.path, call.parsed(operation.body).name)  # type: ignore[attr-defined]
        if needs.name != EACH:
            await call.permissions.require(entry.right)
            return call
        assert operation.listing is not None, "only a list is for each"
        kind, environment = operation.listing.kind, entry.right.environment
        names = partial(call.services.views.names, kind, environment)
        return replace(call, seen=await call.permissions.seen(needs.type, environment, names))

    def _no_such_method(self, method: str, media: str) -> Response:
        more = {"OPTIONS", "HEAD"} if "GET" in self._operations else {"OPTIONS"}
        allowed = ", ".join(sorted({*self._operations, *more}))
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed})
        reason = clusters.NOT_OVER_REST.get((method, self._path), f"{self._path} allows {allowed}.")
        answer = error_response(MethodNotAllowed(f"Method {method} is not allowed. {reason}"), media)
        answer.headers["Allow"] = allowed
        return answer

    async def _body(self, request: Request, operation: Operation) -> bytes:
        """Return the request's body if the operation takes one, and stop reading once it is over the limit."""
        if operation.body is None:
            return b""
        limit = self._settings.max_body_bytes
        too_large = PayloadTooLarge(f"The body is over {limit} bytes: send less, or raise CMF_MAX_BODY_BYTES")
        if int(request.headers.get("content-length") or 0) > limit:
            raise too_large
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
        return bytes(body) or (b"{}" if operation.optional else b"")


def fallback(request: Request, exception: Exception) -> Response:
    """Answer what no route takes, in the error shape."""
    status = getattr(exception, "status_code", 500)
    media = accepted_or_json(request.headers.get("accept"))
    if status == 404:
        return error_response(CmfError(f"There is nothing at {request.url.path}", status=404), media)
    return error_response(CmfError(str(getattr(exception, "detail", exception)), status=status), media)
