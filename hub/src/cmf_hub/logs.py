"""Structured logs: one event a line on standard error, as JSON for machines or in colour for people.

Values are never dumped whole: nothing that could hold credentials is passed to a logger.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "watchfiles", "aiohttp")


def configure(log_format: str, level: str) -> None:
    """Send all logs, those of libraries included, through structlog."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    tail: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.EventRenamer("message"), _json()]
        if log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
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


def _json() -> structlog.processors.JSONRenderer:
    return structlog.processors.JSONRenderer(sort_keys=False)
