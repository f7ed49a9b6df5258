"""Reads of what CMF has, as functions: one resource of each kind by its id, lists, web UIs, CMF's own information.

`plugin` serves them to the engine, `pulumi_cmf.functions` is made from them for Python.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypedDict

from cmf_core.calls import (
    RESOURCE_INFORMATION,
    SYSTEM_INFORMATION,
    applications,
    compute_pools,
    statements,
    web_ui,
)
from cmf_core.errors import NotFound

from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kept import KeptKind
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.operations import Refused
from pulumi_cmf.lifecycle.spelling import camel


class WebUi(TypedDict):
    """Where a Flink web UI is."""

    url: str
    """Address behind CMF, which passes requests on to the JobManager: it asks for the same credentials as CMF."""


class SystemInformation(TypedDict):
    """What CMF says of itself."""

    version: str
    """Version of CMF."""
    revision: str
    """Commit that it was built from."""


class ResourceInformation(TypedDict):
    """How many resources of each kind there are; what Flink uses together."""

    environments: int
    """Number of environments."""
    applications: Mapping[str, int]
    """Number of applications by job state, such as RUNNING."""
    compute_pools: int
    """Number of compute pools."""
    statements: Mapping[str, int]
    """Number of statements by phase, such as RUNNING."""
    secrets: int
    """Number of secrets."""
    catalogs: int
    """Number of catalogs."""
    savepoints: int
    """Number of savepoints."""
    detached_savepoints: int
    """Number of detached savepoints."""
    kubernetes_clusters: Mapping[str, int]
    """Number of clusters by state, such as CONNECTED."""
    cpu: float
    """Cores of all JobManagers and TaskManagers."""
    memory: int
    """Bytes of memory of all JobManagers and TaskManagers."""


@dataclass(frozen=True)
class Argument:
    """An argument of a function, a text.

    Attributes:
        name: name in Python.
        told: what it means.
        required: it must be given.
    """

    name: str
    told: str
    required: bool = False


class Read(ABC):
    """A function.

    Attributes:
        name: its name, such as `getEnvironment`.
        told: what it does, a sentence.
        arguments: what it takes.
    """

    name: str
    told: str
    arguments: tuple[Argument, ...]

    @property
    def token(self) -> str:
        """Name of the function in a schema."""
        return f"cmf:index:{self.name}"

    async def carry_out(self, hub: Hub, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result, with names as CMF spells them.

        Raises:
            Refused: an argument is missing, wrong or unknown, or what is asked for does not exist.
            CmfError: CMF did not answer, or refused.
        """
        names = {camel(argument.name): argument for argument in self.arguments}
        for name, value in given.items():
            if name not in names:
                raise Refused(f"{self.name} has no argument {name}: there are {', '.join(names) or 'none'}")
            if value is not None and not isinstance(value, str):
                raise Refused(f"{self.name}: {name} is not a text")
        missing = [name for name, argument in names.items() if argument.required and not given.get(name)]
        if missing:
            raise Refused(f"{self.name} needs {missing[0]}: {names[missing[0]].told}")
        asked = {names[name].name: value for name, value in given.items() if value}
        return {camel(name): value for name, value in (await self.result(hub, asked)).items()}

    @abstractmethod
    async def result(self, hub: Hub, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the result of arguments that are given and known."""


class Get(Read):
    """Returns one resource by its id."""

    def __init__(self, kind: KeptKind[Any]) -> None:
        self.kind = kind
        self.name = f"get{kind.name}"
        self.told = f"Reads one {kind.name}, whoever manages it."
        form = "/".join(kind.identity).upper()
        if kind.name == "Savepoint":
            form = "ENVIRONMENT/applications/APPLICATION/NAME` or `ENVIRONMENT/statements/STATEMENT/NAME"
        self.arguments = (Argument("id", f"its id, `{form}`.", required=True),)

    async def result(self, hub: Hub, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the resource's properties and `id`."""
        found = await self.kind.read(hub, asked["id"], {})
        if found is None:
            raise Refused(f"{self.kind.name} '{asked['id']}' does not exist in CMF at {hub.settings.url}")
        return {"id": found.id, **found.state}


class ListOf(Read):
    """Returns the resources of a kind that fit a filter."""

    def __init__(self, kind: KeptKind[Any]) -> None:
        self.kind = kind
        self.name = f"get{kind.name}s"
        self.told = f"Lists each {kind.name} that fits, whoever manages it."
        self.places = kind.identity[:-1]
        optional = ("application", "statement")
        places = tuple(Argument(name, _PLACES[name], name not in optional) for name in self.places)
        self.arguments = (*places, _FILTER, *self._search(), _SORT)

    def _search(self) -> tuple[Argument, ...]:
        if not self.kind.searched:
            return ()
        scope = f"fields to search, separated by commas: {', '.join(self.kind.searched)}."
        return Argument("search", "text to look for in the fields of `search_scope`."), Argument("search_scope", scope)

    async def result(self, hub: Hub, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """Return `items`, of each its properties and `id`."""
        place = {name: asked[name] for name in self.places if name in asked}
        if "application" in self.places and len(place) != 2:
            raise Refused(f"{self.name} needs application or statement, the one whose savepoints they are")
        parameters = {camel(name): value for name, value in asked.items() if name not in self.places}
        listed = hub.client.list(self.kind.listed_in(place), **parameters)
        items = [self.kind.of_list(place, each) async for each in listed]
        return {"items": [{"id": each.id} | {camel(name): v for name, v in each.state.items()} for each in items]}


class GetWebUi(Read):
    """Returns the address of a Flink web UI."""

    name = "getFlinkWebUi"
    told = "Returns the address of the Flink web UI of an application, a statement or a compute pool."
    arguments = (
        Argument("environment", "name of the environment.", required=True),
        Argument("application", "name of the application; this, `statement` or `compute_pool`."),
        Argument("statement", "name of the statement."),
        Argument("compute_pool", "name of the SHARED pool."),
    )
    _COLLECTIONS: ClassVar[Mapping[str, Any]] = {
        "application": applications,
        "statement": statements,
        "compute_pool": compute_pools,
    }

    async def result(self, hub: Hub, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """Return `url`, of a resource that is there."""
        owners = [name for name in self._COLLECTIONS if name in asked]
        if len(owners) != 1:
            raise Refused(f"{self.name} needs application, statement or computePool, one of them")
        collection = self._COLLECTIONS[owners[0]](asked["environment"])
        name = asked[owners[0]]
        try:
            await hub.client.send(collection.get(name))
        except NotFound as error:
            raise Refused(f"{self.name}: {error}") from error
        return {"url": hub.settings.url + web_ui(collection.one(name))}


class GetSystemInformation(Read):
    """Returns what CMF says of itself."""

    name = "getSystemInformation"
    told = "Returns version and revision of CMF."
    arguments = ()

    async def result(self, hub: Hub, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """Return version and revision."""
        return (await hub.client.send(SYSTEM_INFORMATION)).status.model_dump(include={"version", "revision"})


class GetResourceInformation(Read):
    """Returns numbers of resources, and what they use."""

    name = "getResourceInformation"
    told = "Returns how many resources of each kind there are, and the CPU and memory of all together."
    arguments = ()

    async def result(self, hub: Hub, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the numbers."""
        status = (await hub.client.send(RESOURCE_INFORMATION)).status
        numbers = status.resources.model_dump() | status.resource_summary.model_dump()
        return {name: numbers[name] for name in ResourceInformation.__annotations__}


_FILTER = Argument(
    "filter",
    "expressions, separated by commas, that all hold, such as `name=orders-*`, `labels.region=us-west`, "
    "`labels.tier in (a, b)`, `!labels.old`; of applications also `state=RUNNING`, of pools and statements "
    "`phase=RUNNING`. Default: all.",
)
_SORT = Argument("sort", "field and direction, such as `metadata.name,desc`. Default: CMF's.")
_PLACES: Final[Mapping[str, str]] = {
    "environment": "name of the environment.",
    "catalog": "name of the catalog.",
    "application": "name of the application; this or `statement`.",
    "statement": "name of the statement; this or `application`.",
}


READS: Final[Mapping[str, Read]] = {
    read.token: read
    for read in (
        *map(Get, KINDS.values()),
        *map(ListOf, KINDS.values()),
        GetWebUi(),
        GetSystemInformation(),
        GetResourceInformation(),
    )
}
"""All functions, by token."""
RESULTS: Final[Mapping[str, Any]] = {
    "getFlinkWebUi": WebUi,
    "getSystemInformation": SystemInformation,
    "getResourceInformation": ResourceInformation,
}
"""What functions that read no resource return."""
