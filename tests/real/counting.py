"""What a counting job has written down: see tools/counting-job."""

from __future__ import annotations

from tests.real.fleet import RealFleet
from tests.support.wait import wait_for

PATIENCE = 180.0
"""Seconds that Flink may take for anything on a busy machine."""


class Counting:
    """The files of one job in the folder that all clusters share."""

    def __init__(self, fleet: RealFleet, name: str) -> None:
        self._folder = fleet.data / "counts" / name
        self.name = name

    @property
    def starts(self) -> list[int]:
        """With which number each start began; 1 is without state."""
        return [int(line.split()[2]) for line in self._lines("starts")]

    @property
    def count(self) -> int:
        """How far it has come."""
        found = self._lines("count")
        return int(found[-1].split()[2]) if found else 0

    def goes_on(self) -> None:
        """Wait until it has counted further."""
        before = self.count
        wait_for(lambda: self.count > before, f"{self.name} to count beyond {before}", PATIENCE)

    def starts_again(self, times: int) -> None:
        """Wait until it has started so many times in all."""
        wait_for(lambda: len(self.starts) >= times, f"start {times} of {self.name}", PATIENCE)

    def _lines(self, file: str) -> list[str]:
        path = self._folder / file
        # The last line may be half written.
        return path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
