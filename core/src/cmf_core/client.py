"""HTTP client of the CMF REST API, synchronous and asynchronous, on httpx.

Every request has a timeout. A repeat happens only where it cannot do harm: of any request that did not get as far as
a connection, or that the server itself put off with 429 or 503 and a Retry-After; of an idempotent one whose
connection broke; of a GET that was not answered in time. A server that has answered before is given time to restart.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import yaml
from pydantic import ValidationError

from cmf_core.calls import Call, Collection
from cmf_core.credentials import ClientCredentials, FileToken, IssuedToken
from cmf_core.errors import HubUnreachable, ServerError, error_for
from cmf_core.models import Model

T = TypeVar("T")
M = TypeVar("M", bound=Model)
_PAGE = 100
_LONGEST_PAUSE = 5.0
"""Seconds between two attempts, at most."""


@dataclass(frozen=True)
class ClientSettings:
    """How to reach a CMF server.

    Attributes:
        url: base address, such as `http://cmf:8080`.
        token: bearer token, or None. Never shown in `repr`.
        token_file: file with a bearer token, read for every request; or None.
        credentials: what an issuer gives bearer tokens for, or None.
        client_certificate: PEM file of the TLS client certificate, or None.
        client_key: PEM file of its key; None if the certificate's file holds it.
        ca: PEM file of the authority that signed the server's certificate, and the token issuer's; None for the
            system's.
        timeout: seconds for the whole of one request; default 30, because a hub may wait for a cluster.
        connect_timeout: seconds to connect; default 5, a hub that is there accepts at once.
        attempts: how often a request is sent at most; default 4.
        patience: seconds that a server which has answered before may refuse or break connections, as while it restarts;
            default 30, what a pod takes to be replaced.
        longest_wait: seconds; a Retry-After over it is answered to the caller instead; default 30.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    credentials: ClientCredentials | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    ca: Path | None = None
    timeout: float = 30.0
    connect_timeout: float = 5.0
    attempts: int = 4
    patience: float = 30.0
    longest_wait: float = 30.0

    def verify(self) -> ssl.SSLContext | bool:
        """Return the TLS context; raises `HubUnreachable` if a file cannot be used."""
        issuer = self.credentials.token_url if self.credentials else ""
        if not any(url.startswith("https:") for url in (self.url, issuer)):
            return True
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
            if self.client_certificate:
                context.load_cert_chain(self.client_certificate, self.client_key)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(str(f) for f in (self.ca, self.client_certificate, self.client_key) if f)
            raise HubUnreachable(f"TLS files for {self.url} cannot be used ({files}): {error}") from error
        return context

    def headers(self) -> dict[str, str]:
        """Return the headers of every request."""
        headers = {"Accept": "application/json", "User-Agent": "pulumi-cmf"}
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def auth(self) -> httpx.Auth | None:
        """Return what gives every request its token; None if it is fixed, or there is none."""
        if self.token_file is not None:
            return FileToken(self.token_file)
        return IssuedToken(self.credentials) if self.credentials is not None else None

    def options(self) -> dict[str, Any]:
        """Return what both httpx clients are made with."""
        return {
            "base_url": self.url,
            "headers": self.headers(),
            "auth": self.auth(),
            "verify": self.verify(),
            "timeout": httpx.Timeout(self.timeout, connect=self.connect_timeout),
        }


@dataclass(frozen=True)
class _Wait:
    seconds: float


@dataclass
class _Contact:
    """Whether the server answered the last request that it was sent."""

    made: bool = False


_Step = httpx.Request | _Wait
_Outcome = httpx.Response | httpx.TransportError | None


def _exchange(
    settings: ClientSettings, contact: _Contact, http: httpx.Client | httpx.AsyncClient, call: Call[T]
) -> Generator[_Step, _Outcome, T]:
    """Decide what to send and when to wait; the two clients only carry it out."""
    attempt, waited = 0, 0.0
    while True:
        attempt += 1
        request = http.build_request(call.method, call.path, params=dict(call.params), json=call.body)
        outcome = yield request
        last = attempt >= settings.attempts
        if isinstance(outcome, httpx.TransportError):
            if not _may_repeat(call, outcome):
                raise _unreachable(settings, outcome) from outcome  # whoever asks whether it arrived, is as patient
            pause = min(0.2 * 2**attempt, _LONGEST_PAUSE)
            waited += pause
            restarts = contact.made and not isinstance(outcome, httpx.TimeoutException)
            if waited <= settings.patience if restarts else not last:
                yield _Wait(pause)
                continue
            contact.made = False
            raise _unreachable(settings, outcome) from outcome
        assert outcome is not None
        contact.made = True
        wait = _retry_after(outcome)
        if wait is not None and wait <= settings.longest_wait and not last:
            yield _Wait(wait)
            continue
        return _answer(call, outcome)


def _may_repeat(call: Call[Any], error: httpx.TransportError) -> bool:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return True
    return call.idempotent and (call.method == "GET" or not isinstance(error, httpx.TimeoutException))


def _unreachable(settings: ClientSettings, error: httpx.TransportError) -> HubUnreachable:
    why = "did not answer in time" if isinstance(error, httpx.TimeoutException) else f"cannot be reached ({error})"
    return HubUnreachable(f"CMF at {settings.url} {why}: check the address, that it runs, and TLS settings")


def _retry_after(response: httpx.Response) -> float | None:
    if response.status_code not in (429, 503):
        return None
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return None


def _decode(response: httpx.Response) -> Any:
    if not response.content.strip():
        return None
    if "yaml" in response.headers.get("Content-Type", ""):
        return yaml.safe_load(response.content)
    return response.json()


def _answer(call: Call[T], response: httpx.Response) -> T:
    try:
        data = _decode(response)
    except (ValueError, yaml.YAMLError) as error:
        if response.is_success:
            text = f"{call.method} {call.path}: the answer is neither JSON nor YAML; is this address a CMF?"
            raise ServerError(text) from error
        data = None
    if response.is_success:
        try:
            return call.parse(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ServerError(f"{call.method} {call.path}: unexpected answer at {where}: {first['msg']}") from error
    raise error_for(response.status_code, _messages(data, response), retry_after=_retry_after(response))


def _messages(data: Any, response: httpx.Response) -> list[str]:
    errors = data.get("errors") if isinstance(data, dict) else None
    texts = [str(e["message"]) for e in errors or [] if isinstance(e, dict) and e.get("message")]
    request = response.request
    return texts or [f"{request.method} {request.url.path} answered {response.status_code} {response.reason_phrase}"]


class Client:
    """Synchronous client; a context manager. Threads may share it."""

    def __init__(self, settings: ClientSettings, transport: httpx.BaseTransport | None = None) -> None:
        self.settings = settings
        self._contact = _Contact()
        self._http = httpx.Client(**settings.options(), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """Send a call and return its answer.

        Raises:
            CmfError: what the server refused, or `HubUnreachable`.
        """
        exchange = _exchange(self.settings, self._contact, self._http, call)
        outcome: _Outcome = None
        while True:
            try:
                step = exchange.send(outcome)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            outcome = None
            if isinstance(step, _Wait):
                time.sleep(step.seconds)
                continue
            try:
                outcome = self._http.send(step)
            except httpx.TransportError as error:
                outcome = error

    def list(self, collection: Collection[M], **params: str) -> Iterator[M]:
        """Yield every item of a collection, page by page."""
        page = 0
        while items := self.send(collection.page(page, _PAGE, **params)).items:
            yield from items
            page += 1


class AsyncClient:
    """Asynchronous client; an async context manager. Belongs to one event loop.

    Attributes:
        writes: how many calls that may have changed something have ended.
    """

    def __init__(self, settings: ClientSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings
        self.writes = 0
        self._contact = _Contact()
        self._http = httpx.AsyncClient(**settings.options(), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send a call and return its answer.

        Raises:
            CmfError: what the server refused, or `HubUnreachable`.
        """
        try:
            return await self._carried_out(call)
        finally:
            self.writes += call.method != "GET"

    async def _carried_out(self, call: Call[T]) -> T:
        exchange = _exchange(self.settings, self._contact, self._http, call)
        outcome: _Outcome = None
        while True:
            try:
                step = exchange.send(outcome)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            outcome = None
            if isinstance(step, _Wait):
                await asyncio.sleep(step.seconds)
                continue
            try:
                outcome = await self._http.send(step)
            except httpx.TransportError as error:
                outcome = error

    async def list(self, collection: Collection[M], **params: str) -> AsyncIterator[M]:
        """Yield every item of a collection, page by page."""
        page = 0
        while items := (await self.send(collection.page(page, _PAGE, **params))).items:
            for item in items:
                yield item
            page += 1
