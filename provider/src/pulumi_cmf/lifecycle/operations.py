"""What the operations of a life cycle take and give, whatever the kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pulumi_cmf.lifecycle.inputs import Failure
from pulumi_cmf.lifecycle.waiting import Progress

State = dict[str, Any]
"""What Pulumi keeps of a resource: its inputs, and what CMF said of it."""

INTERRUPTED = "interrupted: run `pulumi refresh` and `pulumi up`, which take up what was done"
"""What the user is told of an operation that was given up before it had an answer."""


@dataclass(frozen=True)
class Checked:
    """Inputs as the state keeps them, and what is wrong with them."""

    inputs: dict[str, Any]
    failures: list[Failure]


@dataclass(frozen=True)
class Difference:
    """What changes.

    Attributes:
        changed: inputs that differ.
        replaces: those of them that cannot change on a resource that is there.
        delete_first: old and new resource have one name, so the old one has to go first.
    """

    changed: frozenset[str]
    replaces: list[str]
    delete_first: bool


@dataclass(frozen=True)
class Created:
    """A new resource: its id and state."""

    id: str
    state: State


@dataclass(frozen=True)
class Found:
    """A resource as CMF has it: its state, and the inputs that would give this state."""

    id: str
    state: State
    inputs: dict[str, Any]


class NotReady(Exception):
    """The resource was written, and is not (yet) what was asked for.

    Attributes:
        id: its id.
        state: what is known of it.
        reason: what is wrong, for the user.
    """

    def __init__(self, id_: str, state: State, reason: str) -> None:
        super().__init__(reason)
        self.id = id_
        self.state = state
        self.reason = reason


class Refused(Exception):
    """The provider itself will not do this; the text says why and what to do."""


class Going(Protocol):
    """What an update deletes before it comes to a certain deletion."""

    def __call__(self, kind: str, id_: str) -> bool:
        """Tell whether a resource is gone by then."""


@dataclass(frozen=True)
class Operation:
    """One create, update or delete.

    Attributes:
        progress: takes lines for the user.
        warn: takes a line that has to stay visible after the operation.
        mark: text that only a repeat of this very create has; it tells a resource whose creation was not
            heard of from one that somebody else made. None if there is no such text.
    """

    progress: Progress
    warn: Progress
    mark: str | None = None
