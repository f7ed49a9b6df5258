"""Lists of what CMF has, and how a refresh of many resources is answered from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from cmf_core.calls import Collection
from cmf_core.client import AsyncClient
from cmf_core.errors import NotFound
from cmf_core.models import Model

from pulumi_cmf.lifecycle.answers import Answers
from pulumi_cmf.lifecycle.waiting import Clock

M = TypeVar("M", bound=Model)
Lists = Answers[Collection[Any], Mapping[str, Any]]
"""The resources of a collection, by name."""

RECENT_SECONDS = 5.0
"""How old a list may be that a refresh is answered from."""
_FEW = 5
"""So many resources of a collection are read one by one before it may be listed."""
_FOR_EACH = 100
"""How many resources a list may have for each that was asked for: so many cost about as much as one by itself."""


async def by_name(client: AsyncClient, collection: Collection[M]) -> Mapping[str, M]:
    """Return the resources of a collection by name; raises CmfError."""
    return {item.metadata.name: item async for item in client.list(collection)}  # type: ignore[attr-defined]


class Recent:
    """What a refresh of many resources finds in lists, which it would else ask for one by one.

    Args:
        client: for CMF.
        clock: tells how old a list is.
    """

    def __init__(self, client: AsyncClient, clock: Clock) -> None:
        self._client = client
        self._lists: Lists = Answers(partial(by_name, client), clock, RECENT_SECONDS)
        self._written = client.writes
        self._asked: Counter[str] = Counter()
        self._worth: dict[str, int] = {}

    async def get(self, collection: Collection[M], name: str) -> M | None:
        """Return a resource, if it is in a list; else it may be there all the same.

        No list is older than this process's last write. One that others write meanwhile can miss some; one that is
        much longer than what was asked for is not read.

        Raises:
            CmfError: CMF did not answer.
        """
        self._asked[collection.path] += 1
        if self._written != self._client.writes:
            self._written = self._client.writes
            self._lists.forget()
        try:
            if self._lists.keeps(collection) or await self._is_worth(collection):
                return (await self._lists.get(collection)).get(name)
        except NotFound:
            pass  # what it is in is gone
        return None

    async def _is_worth(self, collection: Collection[Any]) -> bool:
        """Tell whether so many were asked for that a list of all costs less."""
        asked, path = self._asked[collection.path], collection.path
        if asked >= self._worth.get(path, _FEW):
            total = int((await self._client.send(collection.page(size=1))).metadata.get("size") or 0)
            self._worth[path] = max(_FEW, total // _FOR_EACH)
        return asked >= self._worth.get(path, _FEW)
