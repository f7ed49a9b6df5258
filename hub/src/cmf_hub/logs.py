"""Structured logs: one event a line on standard error, as JSON for machines or in colour for people.

The hub's own events go straight to standard error: through `logging`, where those of libraries come from, each would
cost three times as much, a quarter of what answering a simple request takes.

Values are never dumped whole: nothing that could hold credentials is passed to a logger.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "watchfiles", "aiohttp")


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.processors.StackInfoRenderer(),
]
TO_LOGGING: list[Any] = [*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
"""Processors of a logger whose events go through `logging`, for handlers of its own."""


def configure(log_format: str, level: str) -> None:
    """Send all logs to standard error in one form, those of libraries included."""
    tail: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.EventRenamer("message"), _json]
        if log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*_SHARED, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=StandardError,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
    logging.getLogger("watchfiles").setLevel(logging.WARNING)


class StandardError(structlog.WriteLogger):
    """Writes lines to standard error; it has the name that `add_logger_name` looks for."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        self.name = name


_ENCODER = json.JSONEncoder(default=repr)


def _json(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return _ENCODER.encode(event)
