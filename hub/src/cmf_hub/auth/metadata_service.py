"""Rights as Confluent's metadata service (MDS) knows them, asked over REST (E54, E55).

`PUT /security/1.0/authorize` takes a principal and actions on resources in a scope, and answers ALLOWED or DENIED
for each. Answers are kept for a moment. While the service does not answer nothing is allowed: 503.

Call, body and the keys of a scope (`cmf`, `flink-environment`) are those of Confluent's own client of that service
(mds-sdk-go-public, mdsv1: AuthorizeRequest, ScopeClusters); the cluster id of CMF is always `CMF-id`.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import structlog
from cmf_core.errors import ServiceUnavailable
from cmf_core.rules.roles import Action, ResourceType

from cmf_hub.auth import web
from cmf_hub.auth.bindings import Names
from cmf_hub.auth.files import read
from cmf_hub.auth.needs import Right, Visible
from cmf_hub.auth.principal import Principal
from cmf_hub.clock import Clock

_AT_ONCE = 500
"""Rights that one request asks for."""
_REMEMBERED = 100_000
_CMF = "CMF-id"
_RETRY_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class HubCredentials:
    """How the hub shows the metadata service who it is: by a token's file, else user and password, else certificate.

    Attributes:
        token_file: file with a bearer token, read for every request because tokens are short-lived.
        user: name for basic authentication.
        password: its password. Never shown in `repr`.
    """

    token_file: Path | None = None
    user: str = ""
    password: str = ""

    def header(self) -> dict[str, str]:
        """Return the header of a request; raises OSError if the token cannot be read."""
        if self.token_file is not None:
            return {"Authorization": f"Bearer {read(self.token_file).decode().strip()}"}
        if self.user:
            return {"Authorization": aiohttp.BasicAuth(self.user, self.password).encode()}
        return {}

    def __repr__(self) -> str:
        """Return who, without secrets."""
        return f"HubCredentials({self.token_file or self.user or 'certificate'})"


class MetadataService:
    """One metadata service.

    Args:
        url: its address.
        credentials: the hub's own.
        timeout: seconds of one request.
        remember: seconds for which an answer holds.
        tls: how https is verified, and the hub's certificate if it has one.
        clock: the hub's clock.
    """

    def __init__(
        self,
        url: str,
        credentials: HubCredentials,
        timeout: float,
        remember: float,
        tls: ssl.SSLContext,
        clock: Clock,
    ) -> None:
        self._url = f"{url.rstrip('/')}/security/1.0/authorize"
        self._credentials = credentials
        self._timeout = timeout
        self._remember, self._tls, self._clock = remember, tls, clock
        self._known: dict[tuple[Principal, Right], tuple[bool, float]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def allows(self, principal: Principal, right: Right) -> bool:
        """Return whether a principal has a right.

        Raises:
            ServiceUnavailable: the service does not answer.
        """
        return (await self._decided(principal, [right]))[0]

    async def visible(
        self, principal: Principal, resource_type: ResourceType, environment: str, names: Names
    ) -> Visible | None:
        """Return which of the names a principal may view: the service knows no question for all of them.

        Raises:
            ServiceUnavailable: the service does not answer.
        """
        rights = [Right(Action.VIEW, resource_type, name, environment) for name in names()]
        decided = await self._decided(principal, rights)
        return Visible(frozenset(right.name for right, allowed in zip(rights, decided, strict=True) if allowed))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _decided(self, principal: Principal, rights: Sequence[Right]) -> list[bool]:
        now = self._clock.monotonic()
        known = {right: answer for right in rights if (answer := self._known.get((principal, right))) is not None}
        decided = {right: allowed for right, (allowed, until) in known.items() if now < until}
        unknown = [right for right in rights if right not in decided]
        for start in range(0, len(unknown), _AT_ONCE):
            part = unknown[start : start + _AT_ONCE]
            decided |= dict(zip(part, await self._ask(principal, part), strict=True))
        if len(self._known) + len(unknown) > _REMEMBERED:
            self._known.clear()
        self._known |= {(principal, right): (decided[right], now + self._remember) for right in unknown}
        return [decided[right] for right in rights]

    async def _ask(self, principal: Principal, rights: Sequence[Right]) -> list[bool]:
        body = {"userPrincipal": principal.name, "actions": [_asked(right) for right in rights]}
        if self._session is None:
            self._session = web.session(self._tls, self._timeout)
        try:
            request = self._session.put(self._url, json=body, headers=self._credentials.header(), allow_redirects=False)
            async with request as answer:
                verdicts = json.loads(await web.body(answer))
            if not isinstance(verdicts, list) or len(verdicts) != len(rights):
                raise ValueError("the answer has not a verdict for each action")
        except web.FAILURES as error:
            log.error("the metadata service does not say what is allowed", url=self._url, why=str(error) or "timeout")
            raise ServiceUnavailable(
                "Permissions cannot be checked: the metadata service does not answer; the hub's log says why",
                retry_after=_RETRY_SECONDS,
            ) from error
        return [verdict == "ALLOWED" for verdict in verdicts]


def _asked(right: Right) -> dict[str, object]:
    clusters = {"cmf": _CMF} | ({"flink-environment": right.environment} if right.environment else {})
    return {
        "scope": {"clusters": clusters},
        "resourceType": right.type,
        "resourceName": right.name or _CMF,
        "operation": right.action,
    }
