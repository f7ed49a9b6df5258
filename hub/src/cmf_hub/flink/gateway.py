"""Flink's SQL gateway over its REST API (version 2: Flink 1.17 and later)."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
from cmf_core.errors import CmfError

from cmf_hub.clusters.services import LARGEST_JSON, ServiceRefusal, ServiceUnreachable
from cmf_hub.flink.sql import reason

_V2 = "/v2"
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between two questions whether a statement was carried out; the last one is repeated."""
_MOST_ROWS = 10_000
"""Rows of an answer that is kept as a whole, such as that of SHOW TABLES."""
_GONE = re.compile(r"Session '[^']*' does not exist|Can not find the submitted operation")


class Caller(Protocol):
    """Who carries calls to a gateway: `clusters.services.Service` through an API server, or `Direct`."""

    async def json(self, method: str, path: str, body: Any = None, *, seconds: float | None = None) -> Any:
        """Return the decoded answer; raises as `clusters.services.Service.json`."""


class SqlRefused(CmfError):
    """Flink does not take a statement; the message is Flink's."""

    status = 422


class SessionGone(CmfError):
    """The gateway does not know the session or the operation: it was restarted, or they were idle for too long."""

    status = 410


@dataclass(frozen=True)
class Page:
    """What a gateway returned of a statement's results.

    Attributes:
        columns: name and logicalType of each.
        data: rows, with kind and fields.
        next_token: token of what comes next; None after the end.
        job: id of the Flink job that makes the rows, if there is one.
        ready: false if the statement is not carried out yet.
        has_content: there are rows, and not just an OK.
    """

    columns: Sequence[Mapping[str, Any]] = ()
    data: Sequence[Mapping[str, Any]] = ()
    next_token: int | None = 0
    job: str | None = None
    ready: bool = True
    has_content: bool = True


class Session:
    """A session of a gateway.

    Every method raises `SqlRefused` if Flink says no to the SQL, `SessionGone`, and what its caller raises.

    Args:
        caller: carries the calls.
        handle: the gateway's name of the session.
        patience: seconds that a statement may take until there is an answer.
    """

    def __init__(self, caller: Caller, handle: str, *, patience: float) -> None:
        self.handle = handle
        self._caller = caller
        self._patience = patience
        self._path = f"{_V2}/sessions/{quote(handle, safe='')}"

    async def run(self, statement: str, configuration: Mapping[str, str] | None = None) -> Page:
        """Carry out a statement and return its whole answer."""
        operation = await self.submit(statement, configuration)
        page = await self.fetch(operation, 0)
        data = list(page.data)
        last = page
        while page.has_content and last.next_token is not None and len(data) < _MOST_ROWS:
            last = await self.fetch(operation, last.next_token)
            data += last.data
        return Page(page.columns, data[:_MOST_ROWS], None, page.job)

    async def submit(self, statement: str, configuration: Mapping[str, str] | None = None) -> str:
        """Begin with a statement and return the handle of the operation."""
        body = {"statement": statement, "executionConfig": dict(configuration or {})}
        answer = await self._call("POST", "/statements", body)
        return str(answer["operationHandle"])

    async def fetch(self, operation: str, token: int, *, wait: bool = True) -> Page:
        """Return a part of an operation's results: the next one, or the one before again.

        Args:
            operation: its handle.
            token: which part; 0 is the first.
            wait: until the statement is carried out.

        Raises:
            SqlRefused: also if the statement took longer than the session's patience.
        """
        path = f"/operations/{quote(operation, safe='')}/result/{token}?rowFormat=JSON"
        until, pauses = time.monotonic() + self._patience, iter(_PAUSES)
        while True:
            answer = await self._call("GET", path)
            if answer.get("resultType") != "NOT_READY":
                return _page(answer, token)
            if not wait:
                return Page(next_token=token, ready=False)
            if time.monotonic() > until:
                await self._close_operation(operation)
                raise SqlRefused(f"Flink's SQL gateway did not answer within {self._patience:g} s")
            await asyncio.sleep(next(pauses, _PAUSES[-1]))

    async def heartbeat(self) -> None:
        """Keep the session from being closed as idle."""
        await self._call("POST", "/heartbeat")

    async def close(self) -> None:
        """Close the session; a query that runs in it is cancelled."""
        await self._call("DELETE", "")

    async def _close_operation(self, operation: str) -> None:
        with suppress(SessionGone, SqlRefused):
            await self._call("DELETE", f"/operations/{quote(operation, safe='')}/close")

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            return await self._caller.json(method, self._path + path, body)
        except ServiceRefusal as error:
            if gone := _GONE.search(error.text):
                raise SessionGone(f"the SQL gateway has closed the session ({gone[0]})") from error
            if error.code in (400, 404, 500):
                raise SqlRefused(reason(error.text)) from error
            raise


@asynccontextmanager
async def session(
    caller: Caller, properties: Mapping[str, str], *, patience: float, keep: bool = False
) -> AsyncIterator[Session]:
    """Open a session, and close it at the end; with `keep` only after an error.

    Raises:
        SqlRefused: the gateway does not take these properties.
    """
    try:
        answer = await caller.json("POST", f"{_V2}/sessions", {"properties": dict(properties)})
    except ServiceRefusal as error:
        raise SqlRefused(reason(error.text)) from error
    opened = Session(caller, str(answer["sessionHandle"]), patience=patience)
    failed = True
    try:
        yield opened
        failed = False
    finally:
        if failed or not keep:
            with suppress(CmfError):  # it is closed by itself when it was idle for long enough
                await opened.close()


class Direct:
    """Calls to a gateway that the hub reaches by itself.

    Args:
        url: its address, as in `http://127.0.0.1:8083`.
        timeout: seconds that a call may take.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout

    async def json(self, method: str, path: str, body: Any = None, *, seconds: float | None = None) -> Any:
        """Return the decoded answer; raises `ServiceUnreachable` and `ServiceRefusal`."""
        limit = aiohttp.ClientTimeout(total=seconds or self._timeout)
        what = f"SQL gateway {self._url}"
        try:
            async with (
                aiohttp.ClientSession(timeout=limit, trust_env=False) as client,
                client.request(method, self._url + path, json=body, allow_redirects=False) as response,
            ):
                text = await response.content.read(LARGEST_JSON + 1)
                while len(text) <= LARGEST_JSON and (more := await response.content.read(LARGEST_JSON)):
                    text += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServiceUnreachable(f"{what} does not answer: {error or type(error).__name__}") from error
        if len(text) > LARGEST_JSON:
            raise ServiceRefusal(f"{what}: the answer is larger than {LARGEST_JSON} bytes", response.status, "")
        try:
            answer: Any = json.loads(text) if text else None
            if 200 <= response.status < 300:
                return answer
            said = "\n".join(map(str, answer["errors"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceRefusal(f"{what}: HTTP {response.status}, and no JSON", response.status, "") from error
        raise ServiceRefusal(f"{what}: HTTP {response.status}", response.status, said)


def _page(answer: Mapping[str, Any], token: int) -> Page:
    results, uri = answer.get("results") or {}, answer.get("nextResultUri")
    following = token + 1 if uri and answer.get("resultType") != "EOS" else None
    if following is not None:
        following = _token_of(str(uri), following)
    job = answer.get("jobID")
    return Page(
        columns=results.get("columns") or (),
        data=results.get("data") or (),
        next_token=following,
        job=str(job) if job else None,
        has_content=answer.get("resultKind") != "SUCCESS",
    )


def _token_of(uri: str, otherwise: int) -> int:
    """Return the token in the address of the next part, which does not grow while there is nothing new."""
    text = uri.partition("/result/")[2].partition("?")[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise
