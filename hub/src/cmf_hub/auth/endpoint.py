"""An issuer's keys over HTTP: kept, refreshed in the background, and fetched anew for a key that is not known."""

from __future__ import annotations

import asyncio
import ssl

import structlog
from cmf_core.errors import ServiceUnavailable

from cmf_hub.auth import web
from cmf_hub.auth.keys import Key, KeySet, key_set
from cmf_hub.clock import Clock

_BETWEEN_FETCHES = 10.0
"""Seconds between two fetches at least, however many tokens name keys that are not known."""

log = structlog.get_logger(__name__)


class EndpointKeys:
    """The keys at a URL.

    Args:
        url: address of the key set.
        refresh: seconds after which it is fetched again.
        timeout: seconds of one fetch.
        tls: how https is verified.
        clock: the hub's clock.
    """

    def __init__(self, url: str, refresh: float, timeout: float, tls: ssl.SSLContext, clock: Clock) -> None:
        self._url, self._refresh, self._tls, self._clock = url, refresh, tls, clock
        self._timeout = timeout
        self._keys = KeySet()
        self._fetched = self._tried = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of a token; a key that is not known is looked for at the URL, but not too often."""
        now = self._clock.monotonic()
        found = self._keys.get(kid)
        if found is not None:
            if now - self._fetched > self._refresh:
                self._fetch()
            return found
        if (task := self._fetch()) is not None:
            await asyncio.shield(task)
        if not self._keys:
            raise ServiceUnavailable(
                "The keys of the token's issuer cannot be fetched: the hub's log says why", retry_after=_BETWEEN_FETCHES
            )
        return self._keys.get(kid)

    async def close(self) -> None:
        """Give up a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _fetch(self) -> asyncio.Task[None] | None:
        """Start a fetch, or return the one under way; None if the last one was a moment ago."""
        if self._fetching is None or self._fetching.done():
            if self._clock.monotonic() - self._tried < _BETWEEN_FETCHES:
                return None
            self._tried = self._clock.monotonic()
            self._fetching = asyncio.create_task(self._fetch_now())
        return self._fetching

    async def _fetch_now(self) -> None:
        try:
            async with (
                web.session(self._tls, self._timeout) as session,
                session.get(self._url, allow_redirects=False) as answer,
            ):
                self._keys = key_set(await web.body(answer))
        except web.FAILURES as error:
            log.error("the keys of the tokens' issuer cannot be fetched", url=self._url, why=str(error) or "timeout")
            return
        self._fetched = self._clock.monotonic()
        log.info("fetched the keys of the tokens' issuer", url=self._url, keys=len(self._keys))
