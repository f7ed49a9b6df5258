"""Lists of every kind: page, size, sort, filter, search, fields; and the page that answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cmf_core.errors import BadRequest
from cmf_core.models import API_VERSION
from starlette.datastructures import QueryParams

from cmf_hub.api.filters import Field, parse_filter, parse_search
from cmf_hub.services import Page
from cmf_hub.store import Condition, Order, Query

_NAME: Mapping[str, Field] = {"name": ("name",), "metadata.name": ("name",)}
_TIMES: Mapping[str, Field] = {
    f"{prefix}{stamp}": ("metadata", stamp)
    for prefix in ("", "metadata.")
    for stamp in ("creationTimestamp", "updateTimestamp")
}
_DIGITS = 12
_LARGEST = 2**31 - 1
"""Clients generated from CMF's document read pages and sizes as 32-bit numbers; no list is longer."""


@dataclass(frozen=True)
class Listing:
    """What the list of one kind can do.

    Attributes:
        kind: kind of its items.
        words: words of its filter besides name and labels, and their fields.
        search: fields that `searchScope` may name; those also in `exact` equal the term, the others contain it.
        exact: see `search`.
        more_sorts: properties to sort by besides names and time stamps.
        page_kind: kind of the page itself, if its answer has one (D8).
    """

    kind: str
    words: Mapping[str, Field] = field(default_factory=dict)
    search: Mapping[str, Field] = field(default_factory=dict)
    exact: Collection[str] = ()
    more_sorts: Mapping[str, Field] = field(default_factory=dict)
    page_kind: str | None = None

    @property
    def sorts(self) -> Mapping[str, Field]:
        """Properties to sort by, and their fields."""
        return {**_NAME, **_TIMES, **self.more_sorts}


@dataclass(frozen=True)
class PageRequest:
    """A list request, understood."""

    listing: Listing
    query: Query
    page: int
    size: int
    fields: tuple[Field, ...]

    def answer(self, page: Page) -> str:
        """Return the JSON text of the answer."""
        items = page.items
        if self.fields:
            items = [
                json.dumps(_projected(json.loads(item), self.fields), ensure_ascii=False, separators=(",", ":"))
                for item in items
            ]
        is_sorted = bool(self.query.order)
        sort = {"sorted": is_sorted, "unsorted": not is_sorted, "empty": not is_sorted}
        head: dict[str, Any] = {}
        if self.listing.page_kind:
            head = {"apiVersion": API_VERSION, "kind": self.listing.page_kind}
        head |= {
            "metadata": {"size": page.total},
            "pageable": {"page": self.page, "size": self.size, "sort": sort},
        }
        return f'{json.dumps(head, separators=(",", ":"))[:-1]},"items":[{",".join(items)}]}}'


def page_request(
    parameters: QueryParams,
    listing: Listing,
    scope: str,
    *,
    default_size: int,
    max_size: int,
    conditions: Sequence[Condition] = (),
) -> PageRequest:
    """Understand the query parameters of a list.

    Args:
        parameters: the query string's.
        listing: what the list can do.
        scope: environment, or "" for a global kind.
        default_size: items of a page if `size` is not given.
        max_size: items of a page at most; a larger size is cut to it.
        conditions: further conditions of this kind of list.

    Raises:
        BadRequest: a parameter is not understood.
    """
    page = _integer(parameters, "page", 0, least=0)
    size = min(_integer(parameters, "size", default_size, least=1), max_size)
    text = parameters.get("filter")
    every = [
        *conditions,
        *(parse_filter(text, listing.words) if text else []),
        *parse_search(parameters.get("search"), parameters.get("searchScope"), listing.search, listing.exact),
    ]
    order = [_order(text, listing) for text in parameters.getlist("sort") if text]
    fields = tuple(tuple(path.strip().split(".")) for path in parameters.get("fields", "").split(",") if path.strip())
    query = Query(listing.kind, scope, every, order, limit=size, offset=page * size)
    return PageRequest(listing, query, page, size, fields)


def boolean(parameters: QueryParams, name: str) -> bool:
    """Return a boolean query parameter; absent is false.

    Raises:
        BadRequest: it is neither true nor false.
    """
    value = parameters.get(name, "false").lower()
    if value not in ("true", "false"):
        raise BadRequest(f"{name} '{parameters[name]}' is neither true nor false")
    return value == "true"


def _integer(parameters: QueryParams, name: str, default: int, *, least: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text[:_DIGITS]) < least:
        raise BadRequest(f"{name} '{text}' is not a whole number from {least} on")
    return min(int(text[:_DIGITS]), _LARGEST)


def _order(text: str, listing: Listing) -> Order:
    name, _, direction = (part.strip() for part in text.partition(","))
    if name not in listing.sorts:
        raise BadRequest(f"sort property '{name}' is not supported (supported: {', '.join(listing.sorts)})")
    if direction.lower() not in ("", "asc", "desc"):
        raise BadRequest(f"sort direction '{direction}' is neither asc nor desc")
    return Order(listing.sorts[name], descending=direction.lower() == "desc")


def _projected(item: dict[str, Any], fields: Iterable[Field]) -> dict[str, Any]:
    """Return the item with only these fields, apiVersion and kind always among them."""
    result: dict[str, Any] = {}
    for path in (("apiVersion",), ("kind",), *fields):
        _copy(item, result, path)
    return result


def _copy(source: dict[str, Any], target: dict[str, Any], path: Field) -> None:
    head, *rest = path
    if head not in source:
        return
    if not rest:
        target[head] = source[head]
    elif isinstance(source[head], dict):
        _copy(source[head], target.setdefault(head, {}), tuple(rest))
