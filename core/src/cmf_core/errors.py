"""Errors of the product, each with the HTTP status that the CMF API gives it.

A message names the resource, the cluster and its state where one matters, the rule, and the way out.
The hub turns a `CmfError` into `{"errors": [{"message": ...}]}`; the client turns such an answer back
into the same class, so that the provider shows the hub's words.
"""

from __future__ import annotations

from collections.abc import Sequence


class CmfError(Exception):
    """Something that a caller of the CMF API has to know.

    Attributes:
        status: HTTP status code of the answer.
        messages: one or more sentences for the user.
        rule: id of the rule that refused (docs/rules.md), or None.
        retry_after: seconds after which a repeat may succeed, or None.
    """

    status = 500

    def __init__(
        self,
        *messages: str,
        rule: str | None = None,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__("; ".join(messages))
        self.messages: Sequence[str] = messages
        self.rule = rule
        self.retry_after = retry_after
        if status is not None:
            self.status = status


class BadRequest(CmfError):
    """The request is malformed or names something that cannot be."""

    status = 400


class Unauthorized(CmfError):
    """The caller gave no credentials, or wrong ones."""

    status = 401


class Forbidden(CmfError):
    """The caller is known and may not do this."""

    status = 403


class NotFound(CmfError):
    """The named resource does not exist."""

    status = 404


class MethodNotAllowed(CmfError):
    """The resource exists, and cannot be used in this way (C09)."""

    status = 405


class NotAcceptable(CmfError):
    """The caller asks for a form that is neither JSON nor YAML."""

    status = 406


class Conflict(CmfError):
    """The request contradicts the present state: it exists, is in use, or is being deleted."""

    status = 409


class Gone(CmfError):
    """The resource was there and is not any more (results of a statement)."""

    status = 410


class PayloadTooLarge(CmfError):
    """The body is over the hub's limit."""

    status = 413


class UnsupportedMediaType(CmfError):
    """The body is neither JSON nor YAML."""

    status = 415


class Unprocessable(CmfError):
    """The request is well-formed, and its content breaks a rule."""

    status = 422


class TooManyRequests(CmfError):
    """The server asks for patience; `retry_after` says how much."""

    status = 429


class ServerError(CmfError):
    """The server failed in a way that is not the caller's fault."""

    status = 500


class ClusterUnavailable(CmfError):
    """The Kubernetes cluster is DISCONNECTED or DECOMMISSIONED, or did not answer (C33, C36, P62)."""

    status = 503


class ServiceUnavailable(CmfError):
    """Something that the hub has to ask before it can answer, other than a cluster, does not answer."""

    status = 503


class HubUnreachable(CmfError):
    """No answer came from the CMF server: wrong address, TLS trouble, or it is down. Client side only."""

    status = 503


_BY_STATUS: dict[int, type[CmfError]] = {
    cls.status: cls
    for cls in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict, Gone,
        PayloadTooLarge, UnsupportedMediaType, Unprocessable, TooManyRequests, ServerError, ClusterUnavailable,
    )
}  # fmt: skip


def error_for(status: int, messages: Sequence[str], **details: float | None) -> CmfError:
    """Return the error of an HTTP status; an unknown one becomes a plain `CmfError` of that status."""
    cls = _BY_STATUS.get(status)
    if cls is None:
        return CmfError(*messages, status=status, **details)  # type: ignore[arg-type]
    return cls(*messages, **details)  # type: ignore[arg-type]
