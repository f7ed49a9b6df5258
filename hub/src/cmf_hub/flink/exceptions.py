"""The exceptions of a statement's job, as its JobManager remembers them, or else as the operator reports them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cmf_core.models import StatementException, timestamp

MOST = 10
"""Exceptions of an answer at most: CMF keeps the last ten."""
_LONGEST = 10_000
"""Characters of a message: a stack trace with its causes may have many thousands."""
UNKNOWN_NAME = "FlinkException"
"""Name of an exception whose class nobody told."""


def remembered(answer: Any) -> list[StatementException]:
    """Return the newest exceptions of an answer of `/jobs/{id}/exceptions`, newest first; nothing else of it."""
    history = answer.get("exceptionHistory") if isinstance(answer, dict) else None
    entries = history.get("entries") if isinstance(history, dict) else None
    found = list(_parsed(entries if isinstance(entries, list) else []))
    found.sort(key=lambda entry: entry.timestamp, reverse=True)
    return found[:MOST]


def reported_exception(text: str, moment: str) -> StatementException:
    """Return the exception that a status speaks of.

    Args:
        text: the status' error.
        moment: RFC 3339 time at which it was so.
    """
    name, _, _ = text.partition(":")
    known = name if name.endswith(("Exception", "Error")) and " " not in name else UNKNOWN_NAME
    return StatementException(name=known, message=text[:_LONGEST], timestamp=moment)


def _parsed(entries: list[Any]) -> Iterator[StatementException]:
    for entry in entries:
        try:
            moment = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC)
            name, message = str(entry["exceptionName"]), str(entry.get("stacktrace") or "")
        except (TypeError, KeyError, ValueError, OverflowError, OSError, AttributeError):
            continue
        short = name[:_LONGEST] or UNKNOWN_NAME
        yield StatementException(name=short, message=message[:_LONGEST] or short, timestamp=timestamp(moment))
