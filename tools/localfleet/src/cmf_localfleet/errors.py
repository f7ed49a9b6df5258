"""What can go wrong; every message is for the person at the keyboard."""

from __future__ import annotations

from pathlib import Path


class LocalFleetError(Exception):
    """Something that the person who runs the fleet can understand and act on."""


class MissingPrerequisiteError(LocalFleetError):
    """A program that must be installed by hand is not there, or is too old."""


class BuildError(LocalFleetError):
    """A build failed; the message ends with the last lines of its log."""


class ProcessFailedError(LocalFleetError):
    """A process ended by itself or was not ready in time; the message ends with the last lines of its log."""


def last_lines(log: Path, count: int = 12) -> str:
    """Return the end of ``log``, indented for a message; one explaining line if there is none."""
    lines = log.read_text(errors="replace").splitlines()[-count:] if log.is_file() else []
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"
