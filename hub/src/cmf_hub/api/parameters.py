"""Query parameters, as the OpenAPI document describes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cmf_hub.api.listing import Listing


@dataclass(frozen=True)
class Parameter:
    """One query parameter: its name, what it does, and the JSON Schema of its value."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})

    @property
    def repeats(self) -> bool:
        """Whether it may be given more than once."""
        return self.schema.get("type") == "array"


def flag(name: str, description: str) -> Parameter:
    """Return a parameter that is true or false, and false if it is absent."""
    return Parameter(name, description, {"type": "boolean", "default": False})


FORCE = flag("force", "Remove the record at once without a call to its cluster, where what it stands for may go on.")
USAGE = flag(
    "include-resource-information", "Say in the status what the resource holds and what CPU and memory it uses."
)

_COUNT = {"type": "integer", "minimum": 1}
_PAGING = (
    Parameter("page", "Page to return; the first is 0.", {"type": "integer", "minimum": 0}),
    Parameter("size", "Items of a page.", _COUNT),
)
_SORT = "Property to sort by and, after a comma, asc or desc. May be given more than once. One of: {properties}."
_FILTER = (
    "Conditions separated by commas, all of which must hold: name=a*b, labels.key=value, labels.key!=value, "
    "labels.key in (a, b), labels.key notin (a, b), labels.key, !labels.key"
)
_SEARCH = "Text to look for in the fields that searchScope names; the two go together."
_FIELDS = "Fields to return, as paths with dots separated by commas; apiVersion and kind always come with them."


def of_list(listing: Listing) -> Iterator[Parameter]:
    """Yield the parameters that every list takes, and those that this list can serve."""
    yield from _PAGING
    properties = _SORT.format(properties=", ".join(listing.sorts))
    yield Parameter("sort", properties, {"type": "array", "items": {"type": "string"}})
    words = "".join(f", {word}=value (and !=, in, notin)" for word in listing.words)
    yield Parameter("filter", f"{_FILTER}{words}.")
    if listing.search:
        yield Parameter("search", _SEARCH)
        yield Parameter("searchScope", f"Fields to search, separated by commas. Any of: {', '.join(listing.search)}.")
    yield Parameter("fields", _FIELDS)
