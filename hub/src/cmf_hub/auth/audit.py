"""The audit trail: one line for each write and each denial, of its own logger, and in a file of its own if wanted.

A line says who, from where, what, on which resource and cluster, and how it ended. It is JSON, so that nothing that
a caller chooses can look like a line of its own; bodies, headers and query strings are never in it.
"""

from __future__ import annotations

import logging
import logging.handlers
from dataclasses import dataclass
from pathlib import Path

import structlog

from cmf_hub.auth.needs import Right
from cmf_hub.logs import TO_LOGGING, StandardError

LOGGER = "cmf_hub.audit"

logging.getLogger(LOGGER).setLevel(logging.INFO)
# Neither of the two looks at the level of the log: the trail has no gaps.
log = structlog.wrap_logger(StandardError(LOGGER), wrapper_class=structlog.BoundLogger)
file_log = structlog.wrap_logger(
    logging.getLogger(LOGGER), processors=TO_LOGGING, wrapper_class=structlog.stdlib.BoundLogger
)


@dataclass
class AuditEntry:
    """What is known about a request; whoever finds out more adds it.

    Attributes:
        operation: id of the operation, or the method if there is none.
        principal: who calls; None if that is not known.
        right: what was asked for.
        cluster: Kubernetes cluster of the resource.
        denied: the caller was refused, for what he is.
        write: the request may change something.
        forced: it has `force=true`.
    """

    operation: str
    principal: str | None = None
    right: Right | None = None
    cluster: str | None = None
    denied: bool = False
    write: bool = False
    forced: bool = False

    def note(self, status: int, client: str, request_id: str) -> None:
        """Write the line, if there is one to write."""
        if not (self.write or self.denied):
            return
        trail = file_log if logging.getLogger(LOGGER).handlers else log
        trail.info(
            "audit",
            principal=self.principal,
            client=client,
            operation=self.operation,
            **_resource(self.right),
            cluster=self.cluster,
            forced=self.forced,
            status=status,
            verdict="denied" if self.denied else "done" if status < 400 else "refused",
            request_id=request_id,
        )


def _resource(right: Right | None) -> dict[str, str]:
    if right is None:
        return {}
    return {
        "action": str(right.action),
        "resource_type": str(right.type),
        "environment": right.environment,
        "name": right.name,
    }


def write_to(file: Path) -> None:
    """Send the audit trail to a file instead of the log. It is opened anew when it is moved away (logrotate).

    Raises:
        OSError: it cannot be written.
    """
    file.touch(mode=0o600)
    handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8")
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(sort_keys=False),
        ]
    )
    handler.setFormatter(formatter)
    logger = logging.getLogger(LOGGER)
    logger.handlers = [handler]
    logger.propagate = False
