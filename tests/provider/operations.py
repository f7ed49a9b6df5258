"""What a test does with a life cycle: operations that remember what the user is told, and a clock that it moves."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.operations import Created, Found, Operation, State


class FakeClock:
    """A clock that moves by sleeping."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class Told:
    """Lines that the user sees."""

    progress: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def operation(self, mark: str | None = "mark") -> Operation:
        """Return an operation that tells us."""
        return Operation(self.progress.append, self.warnings.append, mark)


async def create(kind: Kind[Any], hub: Hub, told: Told | None = None, *, mark: str = "mark", **inputs: Any) -> Created:
    """Check inputs and create."""
    checked = kind.check(inputs, hub.settings)
    assert checked.failures == []
    return await kind.create(hub, kind.parse(checked.inputs), (told or Told()).operation(mark))


async def update(kind: Kind[Any], hub: Hub, made: Created, told: Told | None = None, **changed: Any) -> State:
    """Check inputs with changes (None leaves one out), and update."""
    inputs = {**kind.inputs_in(made.state), **changed}
    checked = kind.check({key: value for key, value in inputs.items() if value is not None}, hub.settings)
    assert checked.failures == []
    return await kind.update(hub, made.id, made.state, kind.parse(checked.inputs), (told or Told()).operation(None))


async def refresh(kind: Kind[Any], hub: Hub, made: Created) -> Found:
    """Read what is there."""
    found = await kind.read(hub, made.id, made.state)
    assert found is not None
    return found


async def delete(kind: Kind[Any], hub: Hub, made: Created, told: Told | None = None, **changed: Any) -> None:
    """Delete."""
    await kind.delete(hub, made.id, {**made.state, **changed}, (told or Told()).operation(None))


def names_in(directory: Path) -> list[str]:
    """Return the names of all files, hidden ones too."""
    return sorted(path.name for path in directory.iterdir())
