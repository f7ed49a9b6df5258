"""Settings of the server."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cmf_hub.settings.group import Cmf, Group


class Server(Group):
    """Server."""

    host: Annotated[str, Cmf("server.address")] = "127.0.0.1"
    """Address to listen on. Default: this machine only, because authentication is off by default."""

    port: Annotated[int, Cmf("server.port")] = Field(default=8080, ge=0, le=65535)
    """TCP port to listen on; 0 takes a free one. CMF's container listens on 8080."""

    log_format: Literal["json", "console"] = "json"
    """json: one object a line, for log collectors; console: for people."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], Cmf("cmf.logging.level.root")] = "info"
    """Least severe level that is logged."""

    max_body_bytes: int = Field(default=1024 * 1024, ge=1024)
    """Largest request body in bytes; more is refused with 413. Kubernetes itself takes 1.5 MB an object."""

    default_page_size: int = Field(default=100, ge=1)
    """Items of a page where the caller does not say; what the Confluent CLI asks for."""

    max_page_size: int = Field(default=1000, ge=1)
    """Items of a page at most; a larger `size` gets this many, so that no answer exhausts memory."""

    shutdown_timeout_seconds: float = Field(default=15.0, gt=0)
    """Seconds that requests in flight get to end after SIGTERM; below Kubernetes' 30 s before SIGKILL."""
