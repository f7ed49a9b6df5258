"""Answers of CMF that are kept for some seconds: one request for all who ask the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pulumi_cmf.lifecycle.waiting import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class _Asked(Generic[V]):
    since: float
    answer: asyncio.Future[V]


class Answers(Generic[K, V]):
    """Answers by what was asked; who asks for one that is on its way waits for that.

    Args:
        ask: gets an answer.
        clock: tells how old an answer is.
        seconds: how long one is kept, from when it was asked for.
    """

    def __init__(self, ask: Callable[[K], Coroutine[Any, Any, V]], clock: Clock, seconds: float) -> None:
        self._ask = ask
        self._clock = clock
        self._seconds = seconds
        self._asked: dict[K, _Asked[V]] = {}

    def keeps(self, what: K) -> bool:
        """Tell whether an answer is there or on its way, and not too old."""
        asked = self._asked.get(what)
        return asked is not None and self._clock.monotonic() - asked.since <= self._seconds

    async def get(self, what: K) -> V:
        """Return an answer.

        Raises:
            Exception: what `ask` raises; the next who asks makes it try again.
        """
        if not self.keeps(what):
            answer = asyncio.ensure_future(self._ask(what))
            self._asked[what] = _Asked(self._clock.monotonic(), answer)
            answer.add_done_callback(lambda done: self._drop_failed(what, done))
        return await asyncio.shield(self._asked[what].answer)  # one who gives up does not for the others

    def forget(self) -> None:
        """Keep none."""
        self._asked.clear()

    def _drop_failed(self, what: K, done: asyncio.Future[V]) -> None:
        asked = self._asked.get(what)
        if (done.cancelled() or done.exception()) and asked is not None and asked.answer is done:
            del self._asked[what]
