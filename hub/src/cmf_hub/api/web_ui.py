"""The paths `.../flink-web-ui/`: requests passed on to a JobManager, as they come and in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from cmf_core.errors import BadRequest, CmfError, ServerError
from cmf_core.rules.roles import Action
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from cmf_hub.api.answers import error_response
from cmf_hub.api.encoding import accepted_or_json
from cmf_hub.api.passing import answer_headers, checked_query, forwarded_headers, forwarded_path, has_body
from cmf_hub.api.paths import IN_ENVIRONMENT
from cmf_hub.api.permissions import asked_for, permissions_of
from cmf_hub.auth.audit import AuditEntry
from cmf_hub.auth.needs import NEEDS
from cmf_hub.clusters.services import Streamed
from cmf_hub.flink.placement import APPLICATION, POOL, STATEMENT
from cmf_hub.services import Services
from cmf_hub.settings import Settings
from cmf_hub.store import Key

_CLIENT_CLOSED_REQUEST = 499
"""Status in log and metrics of what the client did not wait for; it never sees it."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_CANCELLING = frozenset({"yarn-cancel", "yarn-stop"})
"""What Flink changes by a GET."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WebUiPlace:
    """Where the web UI of a kind is.

    Attributes:
        id: name of what a client does there, for authorisation.
        kind: kind of the resource.
        path: path without the slash at its end; `name` is the resource's.
    """

    id: str
    kind: str
    path: str


_POOL = WebUiPlace("accessComputePoolWebUi", POOL, f"{IN_ENVIRONMENT}/compute-pools/{{name}}/flink-web-ui")
WEB_UIS = (
    _POOL,
    WebUiPlace("accessApplicationWebUi", APPLICATION, f"{IN_ENVIRONMENT}/applications/{{name}}/flink-web-ui"),
    WebUiPlace("accessStatementWebUi", STATEMENT, f"{IN_ENVIRONMENT}/statements/{{name}}/flink-web-ui"),
)
"""The web UIs of all kinds that have one (P55, E41)."""


def web_ui_routes(settings: Settings) -> Iterator[BaseRoute]:
    """Yield the routes of the web UIs."""
    for place in WEB_UIS:
        yield Route(place.path, _Bare(place))
        yield Route(f"{place.path}/{{path:path}}", _Proxy(place, settings))


async def _admit(request: Request, place: WebUiPlace) -> None:
    """Refuse a caller who may not see a web UI and what it shows besides (P56), or not change the resource otherwise.

    Raises:
        Forbidden: he may not.
        ServiceUnavailable: nobody can say.
    """
    services: Services = request.app.state.services
    permissions, path = permissions_of(request), dict(request.path_params)
    entry: AuditEntry = request.scope["cmf.audit"]
    cancels = not _CANCELLING.isdisjoint(request.scope["path"].split("/"))
    entry.operation, entry.write = place.id, request.method not in _READING or cancels
    right = entry.right = asked_for(NEEDS[place.id], path)
    if entry.write:
        entry.cluster = services.views.cluster_of(path["environment"])
    await permissions.require(right)
    if entry.write:
        await permissions.require(right._replace(action=Action.EDIT))
    pool = services.web_ui.shared_pool(Key(place.kind, path["environment"], path["name"]))
    if pool is not None:
        # Else who has a statement would see all others of the session cluster.
        await permissions.require(asked_for(NEEDS[_POOL.id], path | {"name": pool}))


class _Bare:
    """The path without a slash at its end, from which the web UI's relative links would lead elsewhere."""

    def __init__(self, place: WebUiPlace) -> None:
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["cmf.path"] = self._place.path
        answer: Response
        try:
            await _admit(Request(scope, receive), self._place)
            query = checked_query(scope["query_string"])
            answer = RedirectResponse("flink-web-ui/" + (f"?{query}" if query else ""), 308)
        except CmfError as error:
            answer = error_response(error)
        await answer(scope, receive, send)


class _Proxy:
    """Everything below that path."""

    def __init__(self, place: WebUiPlace, settings: Settings) -> None:
        self._place = place
        self._patience = settings.flink_web_ui_silence_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["cmf.path"] = f"{self._place.path}/{{path}}"
        request = Request(scope, receive)
        client = _Client(scope, receive, send, has_body=has_body(request), patience=self._patience)
        media = accepted_or_json(request.headers.get("accept"))
        try:
            await client.unless_gone(self._passed_on(request, client))
        except CmfError as error:
            await client.fail(error, media)
        except _TooSlow as error:
            await client.fail(BadRequest(str(error)), media)
        except Exception:
            log.exception("internal error")
            identity = scope.get("cmf.request_id", "unknown")
            await client.fail(ServerError(f"Internal error: the hub's log has it as request {identity}"), media)

    async def _passed_on(self, request: Request, client: _Client) -> None:
        await _admit(request, self._place)
        environment, name = request.path_params["environment"], request.path_params["name"]
        prefix = self._place.path.format(environment=environment, name=name)
        path = forwarded_path(request.scope["raw_path"], prefix)
        query = checked_query(request.scope["query_string"])
        headers = forwarded_headers(request)
        services: Services = request.app.state.services
        key = Key(self._place.kind, environment, name)
        async with services.web_ui.stream(key, request.method, path, query, headers, client.body) as streamed:
            await client.answer(streamed, f"{quote(prefix, safe='/')}/")


class _TooSlow(Exception):
    """The client takes nothing of the answer."""


class _Client:
    """The client of one request: its body as it comes, whether it is still there, and the answer to it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, has_body: bool, patience: float) -> None:
        self.body = self._body() if has_body else None
        self._scope = scope
        self._receive = receive
        self._send = send
        self._patience = patience
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._silent = False
        self._answering = False
        self._answered = False

    async def unless_gone(self, work: Coroutine[None, None, None]) -> None:
        """Carry work out, or as much of it as is done when the client goes away."""
        working, listening = asyncio.create_task(work), asyncio.create_task(self._listen())
        try:
            await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
            if working.done() or self._answered:
                await working
            elif not self._answering:
                await self._send({"type": "http.response.start", "status": _CLIENT_CLOSED_REQUEST})
        finally:
            for task in (working, listening):
                task.cancel()
            await asyncio.gather(working, listening, return_exceptions=True)

    async def answer(self, streamed: Streamed, root: str) -> None:
        """Send an answer; `root` is the path at which the client sees the JobManager's."""
        headers = list(answer_headers(streamed, root))
        self._answering = True
        await self._deliver({"type": "http.response.start", "status": streamed.status, "headers": headers})
        async for chunk in streamed.chunks:
            await self._deliver({"type": "http.response.body", "body": chunk, "more_body": True})
        self._answered = True
        await self._deliver({"type": "http.response.body"})

    async def fail(self, error: CmfError, media: str) -> None:
        """Send an error; if the answer has begun already, leave it unfinished, and the server breaks it off."""
        if self._silent:
            error = CmfError(f"The client sent nothing of its body for {self._patience:g} s", status=408)
        if self._answering:
            log.warning("answer broken off", why=str(error))
        else:
            await error_response(error, media)(self._scope, self._receive, self._send)

    async def _listen(self) -> None:
        """Take what the client sends, and return when it is gone."""
        while (message := await self._receive())["type"] != "http.disconnect":
            if self.body is None:
                continue
            if message.get("body"):
                await self._chunks.put(message["body"])
            if not message.get("more_body"):
                await self._chunks.put(b"")

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            while chunk := await asyncio.wait_for(self._chunks.get(), self._patience):
                yield chunk
        except TimeoutError:
            self._silent = True
            raise

    async def _deliver(self, message: Message) -> None:
        """Send, and wait until the client has taken what was sent before."""
        try:
            async with asyncio.timeout(self._patience):
                await self._send(message)
        except TimeoutError as error:
            raise _TooSlow(f"The client took nothing of the answer for {self._patience:g} s") from error
