"""What an operation of the API is, and what its handler gets and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar, cast

from cmf_core.errors import BadRequest
from cmf_core.models import Model, Resource
from pydantic import ValidationError
from starlette.datastructures import QueryParams

from cmf_hub.api.encoding import decode
from cmf_hub.api.listing import Listing, PageRequest, boolean, page_request
from cmf_hub.api.parameters import Parameter, of_list
from cmf_hub.api.paths import V1
from cmf_hub.api.permissions import Permissions
from cmf_hub.auth.needs import NEEDS, UNDECLARED, Need
from cmf_hub.services import Services
from cmf_hub.settings import Settings
from cmf_hub.store import Condition

M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=Resource)
_ENVIRONMENTS = f"{V1}/environments"
_GUARDED = frozenset({401, 403, 503})
"""What authentication and authorisation may answer to everything: not known, not allowed, nobody can say."""


@dataclass(frozen=True)
class Answer:
    """What a handler gives.

    Attributes:
        text: JSON text of the body, or None for an empty one.
        status: HTTP status; None means the first code of the operation.
    """

    text: str | None = None
    status: int | None = None


@dataclass(frozen=True)
class Call:
    """What a handler gets."""

    services: Services
    settings: Settings
    path: Mapping[str, str]
    query: QueryParams
    content_type: str | None = None
    body: bytes = b""
    permissions: Permissions = field(kw_only=True)
    seen: Sequence[Condition] = field(default=(), kw_only=True)
    """Conditions that leave of a list what the caller may see."""
    _models: dict[type[Model], Model] = field(default_factory=dict, init=False, repr=False)

    def parsed(self, model: type[M]) -> M:
        """Return the body as a model.

        Raises:
            BadRequest: it is not one; a sentence for each field that is wrong.
            UnsupportedMediaType: it is neither JSON nor YAML.
        """
        known = self._models.get(model)
        if known is not None:
            return cast("M", known)
        value = decode(self.body, self.content_type)
        if not isinstance(value, dict):
            raise BadRequest("The body is not an object")
        try:
            parsed = self._models[model] = model.parse(value)
            return parsed
        except ValidationError as error:
            raise BadRequest(*(_sentence(detail["loc"], detail["msg"]) for detail in error.errors())) from error

    def named(self, model: type[R], name: str) -> R:
        """Return the body of an update as a model: it may leave out the name that the path has.

        Raises:
            BadRequest: the body has another name, or is not such a model.
            UnsupportedMediaType: it is neither JSON nor YAML.
        """
        resource = self.parsed(model)
        sent = resource.metadata.name
        if sent and sent != name:
            raise BadRequest(f"metadata.name '{sent}' is not the name '{name}' in the path")
        resource.metadata.name = name
        return resource

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter; absent is false."""
        return boolean(self.query, name)

    def page(self, listing: Listing, scope: str = "", conditions: Sequence[Condition] = ()) -> PageRequest:
        """Return the list that the query parameters ask for."""
        return page_request(
            self.query, listing, scope,
            default_size=self.settings.default_page_size, max_size=self.settings.max_page_size,
            conditions=(*conditions, *self.seen),
        )  # fmt: skip


Handler = Callable[[Call], Awaitable[Answer]]


class Reach(Enum):
    """What an operation needs of a cluster, and so what it may answer because of one."""

    NOTHING = frozenset[int]()
    """The hub alone answers."""

    CONNECTED = frozenset({503})
    """The cluster has to be CONNECTED (C33, C36), and is not asked."""

    CALLS = frozenset({403, 409, 422, 503})
    """It is asked, and may refuse: no right to it, name taken or in use, content wrong; or it does not answer."""


@dataclass(frozen=True)
class Operation:
    """One operation: a row of the API's table.

    Attributes:
        method: HTTP method.
        path: path with parameters in braces, from the root.
        handler: what carries it out.
        codes: statuses that it is documented to answer, the usual one first; what follows from `body`, `reach`
            and the parameters, and what all operations may answer, is added. With 304 among them, a GET answers
            to If-None-Match.
        id: name of the operation for generated clients, as CMF's own document has it.
        body: model of the request body, or None if there is none.
        optional: whether a request without body is one with `{}`.
        gives: model of the answer, of one of its items if it is a list, or None if the body is empty.
        listing: what the list can do, if the answer is one.
        parameters: query parameters besides those of every list.
        reach: what it needs of a cluster; None: a write in an environment makes calls, anything else needs nothing.
        needs: what it asks of its caller, from the table `cmf_hub.auth.needs.NEEDS`.
    """

    method: str
    path: str
    handler: Handler
    codes: tuple[int, ...] = field(default=(200,))
    id: str = ""
    body: type[Model] | None = None
    optional: bool = False
    gives: type[Model] | None = None
    listing: Listing | None = None
    parameters: Sequence[Parameter] = ()
    reach: Reach | None = None
    needs: Need = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", NEEDS.get(self.id, UNDECLARED))

    def every_parameter(self) -> tuple[Parameter, ...]:
        """Return every query parameter that it knows."""
        return (*(of_list(self.listing) if self.listing else ()), *self.parameters)

    def every_code(self) -> list[int]:
        """Return every status that it can answer, in order."""
        reach = self.reach
        if reach is None:
            reach = Reach.CALLS if self.method != "GET" and self.path.startswith(_ENVIRONMENTS) else Reach.NOTHING
        understood = {400} if self.body or self.every_parameter() else set()
        read = {413, 415} if self.body else set()
        return sorted({*self.codes, *understood, *read, *reach.value, *_GUARDED, 406, 500})


def _sentence(location: Sequence[int | str], message: str) -> str:
    where = ".".join(str(part) for part in location)
    text = message.removeprefix("Value error, ")
    return f"{where}: {text}" if where else text
