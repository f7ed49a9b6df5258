"""What a reconciliation asks of the world, and what it is given: the seam between the machine and the I/O.

A reconciliation is a generator. It yields effects in order and returns the seconds after which it wants to be run
again, or None if only a change of an object can give it something to do.
"""

import copy
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from flink_operator_standin.commands import Commands
from flink_operator_standin.timings import Timings

Json = dict[str, Any]
Kind = Literal["FlinkDeployment", "FlinkSessionJob", "FlinkStateSnapshot"]


@dataclass(frozen=True)
class WriteStatus:
    """Replace the object's status."""

    status: Json


@dataclass(frozen=True)
class Replace:
    """Replace the object but for its status (finalizers, defaults of the spec, labels)."""

    resource: Json


@dataclass(frozen=True)
class Emit:
    """Record a Kubernetes event about the object."""

    type: Literal["Normal", "Warning"]
    reason: str
    component: Literal["Operator", "JobManagerDeployment", "Job", "Snapshot"]
    message: str


@dataclass(frozen=True)
class Wait:
    """Let time pass inside the reconciliation."""

    seconds: float


Effect = WriteStatus | Replace | Emit | Wait
Steps = Generator[Effect, None, float | None]
Part = Generator[Effect, None, None]
Decision = Generator[Effect, None, bool]


_INSTANT = 1e-6
"""Seconds that are none: what rounding leaves over of a wait."""


class Clock(Protocol):
    """Time, injected so that tests decide what time it is."""

    def epoch(self) -> float:
        """Seconds since 1970, for timestamps."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for durations."""
        ...


class Siblings(Protocol):
    """The other objects that a reconciliation looks at."""

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The object as last seen, or None."""
        ...

    def session_jobs(self, namespace: str, deployment: str) -> Iterable[Json]:
        """The session jobs that name `deployment` as their cluster."""
        ...


@dataclass
class Memory:
    """What the stand-in remembers of one object between reconciliations; all of it may be lost at a restart."""

    phase: tuple[object, ...] | None = None
    since: float = 0.0
    killed: str | None = None
    """The last value of kill-jobmanager that was acted on."""
    said: set[Emit] = field(default_factory=set)
    """Events that are told once a generation."""
    said_at_generation: int = 0


@dataclass
class Context:
    """One object under reconciliation. `status` is worked on in place and written by `save`."""

    kind: Kind
    resource: Json
    commands: Commands
    siblings: Siblings
    memory: Memory
    timings: Timings
    clock: Clock
    new_id: Callable[[], str]
    status: Json
    saved: Json
    """The status as it was last written, or the unwritten default."""
    spec: Json
    """The spec in force: the object's own, or the last good one while the object's own is invalid."""
    generation: int
    """The generation of `spec`."""

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.resource["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return str(self.resource["metadata"]["namespace"])

    def left(self, seconds: float) -> float:
        """What is left of `seconds` since the object entered its present phase, or was first seen in it; 0 if over."""
        left = self.memory.since + seconds - self.clock.monotonic()
        return left if left > _INSTANT else 0.0

    @property
    def group(self) -> str:
        """The API group of the object."""
        return str(self.resource["apiVersion"]).partition("/")[0]

    def millis(self) -> int:
        """Now, in milliseconds since 1970."""
        return int(self.clock.epoch() * 1000)

    def enter(self, phase: tuple[object, ...]) -> None:
        """Start the phase's time if it is another one than before."""
        if phase != self.memory.phase:
            self.memory.phase = phase
            self.memory.since = self.clock.monotonic()

    def tell_once(self, event: Emit) -> Part:
        """Emit the event unless it was told for this generation of the object."""
        if self.memory.said_at_generation != self.generation:
            self.memory.said_at_generation = self.generation
            self.memory.said.clear()
        if event not in self.memory.said:
            self.memory.said.add(event)
            yield event

    def changed_status(self) -> WriteStatus | None:
        """The effect that writes the status, or None if it is as saved."""
        if self.status == self.saved:
            return None
        self.saved = copy.deepcopy(self.status)
        return WriteStatus(copy.deepcopy(self.status))
