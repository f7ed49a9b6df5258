"""The door of the hub: who is not known gets no further, and the audit trail sees how every request ends."""

from __future__ import annotations

from cmf_core.errors import CmfError, NotAcceptable
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cmf_hub.api.answers import error_response
from cmf_hub.api.encoding import JSON, accepted
from cmf_hub.auth.audit import AuditEntry
from cmf_hub.auth.principal import ANONYMOUS
from cmf_hub.auth.security import Security

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs"})
"""Paths that need no credentials: probes have none, and the documentation is the same for every hub."""


class Guard:
    """ASGI middleware around everything but the access log; the scope gets `cmf.principal` and `cmf.audit`."""

    def __init__(self, app: ASGIApp, security: Security) -> None:
        self._app = app
        self._security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its caller is known."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = scope["cmf.audit"] = AuditEntry(scope["method"])
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = await self._refusal(scope, entry)
            await (refusal or self._app)(scope, receive, noted)
        finally:
            entry.note(status, (scope.get("client") or ("",))[0], scope.get("cmf.request_id", ""))

    async def _refusal(self, scope: Scope, entry: AuditEntry) -> Response | None:
        authenticator = self._security.authenticator
        scope["cmf.principal"] = ANONYMOUS
        if authenticator is None or scope["path"] in OPEN:
            entry.principal = ANONYMOUS.name
            return None
        try:
            scope["cmf.principal"] = principal = await authenticator.principal(scope)
        except CmfError as error:
            entry.denied = True
            answer = error_response(error, _media(scope))
            if error.status == 401:
                answer.headers["WWW-Authenticate"] = f'{authenticator.challenge} realm="cmf"'
            return answer
        entry.principal = principal.name
        return None


def _media(scope: Scope) -> str:
    try:
        return accepted(Headers(scope=scope).get("accept"))
    except NotAcceptable:
        return JSON
