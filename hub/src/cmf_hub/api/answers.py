"""Answers over HTTP: bodies in the accepted form, and the one shape of all errors."""

from __future__ import annotations

import hashlib
import json
import math

from cmf_core.errors import CmfError
from starlette.responses import Response

from cmf_hub.api.encoding import JSON, encode

_NO_BODY = frozenset({204, 304})


def response(text: str | None, status: int, media: str = JSON) -> Response:
    """Return an answer; without text its body is empty."""
    if status in _NO_BODY:
        return Response(status_code=status)
    body = encode(text, media) if text is not None else b""
    return Response(body, status, {"Content-Type": media, "Vary": "Accept"})


def error_response(error: CmfError, media: str = JSON) -> Response:
    """Return `{"errors": [{"message": ...}]}` with the error's status, and Retry-After if it knows one."""
    text = json.dumps({"errors": [{"message": message} for message in error.messages]}, ensure_ascii=False)
    answer = response(text, error.status, media)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return answer


def unless_known(answer: Response, known: str | None) -> Response:
    """Give an answer its ETag; return 304 instead if `known` (If-None-Match) holds that tag."""
    tag = f'"{hashlib.blake2b(bytes(answer.body), digest_size=16).hexdigest()}"'
    tags = [part.strip().removeprefix("W/") for part in (known or "").split(",")]
    if tag in tags or tags == ["*"]:
        answer = Response(status_code=304)
    answer.headers["ETag"] = tag
    return answer
