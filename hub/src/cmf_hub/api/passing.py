"""What passes between clients and JobManagers: paths, queries and headers, chosen and put together anew.

Nothing passes that a server on the way (the API server, a proxy before it, Flink) may read in another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

from cmf_core.errors import BadRequest, CmfError, MethodNotAllowed
from starlette.requests import Request

from cmf_hub.clusters.services import Streamed

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""What is passed on, as far as the settings allow. Not CONNECT and TRACE, which are for the servers on the way."""

_TO_FLINK = (
    "accept-encoding", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range",
)  # fmt: skip
"""Headers of requests that are passed on. Not `Accept`, which Flink does not read and an API server does; not what
says who the client is, and by no means `Impersonate-*`, which API servers obey."""
_OF_BODY = ("content-type", "content-length")

_FROM_FLINK = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-language", "content-length",
    "content-range", "content-type", "etag", "expires", "last-modified", "retry-after", "vary",
)  # fmt: skip
"""Headers of answers that are passed on. Not `Set-Cookie`, and not `Access-Control-*`: Flink lets pages of all sites
read it, and would so let them read the hub."""

_LONGEST_PATH, _LONGEST_QUERY, _LONGEST_HEADERS = 4096, 8192, 16384
_QUERY = re.compile(rb"[!$-;=?-~]*")
_WITHOUT_BODY = frozenset({204, 304})


def forwarded_path(raw_path: bytes, prefix: str) -> str:
    """Return the path on the JobManager: what follows the prefix, decoded once, checked, and escaped anew.

    Raises:
        BadRequest: it has something that leads elsewhere, or may do so for some server.
    """
    if len(raw_path) > _LONGEST_PATH:
        raise CmfError(f"The path is longer than {_LONGEST_PATH} bytes", status=414)
    segments = [_segment(part) for part in raw_path.decode("latin-1").split("/")]
    depth = prefix.count("/") + 1
    if "/".join(segments[:depth]) != prefix or len(segments) == depth:
        raise BadRequest("The path has escaped slashes")
    rest = segments[depth:]
    if "" in rest[:-1]:
        raise BadRequest("The path has an empty segment")
    for segment in rest:
        if segment and not segment.partition(";")[0].strip(". "):
            raise BadRequest(f"The path has a segment '{segment}'")
    return "/" + "/".join(quote(segment, safe="!$&'()*+,;=:@") for segment in rest)


def _segment(escaped: str) -> str:
    try:
        segment = unquote(escaped, errors="strict")
    except UnicodeDecodeError as error:
        raise BadRequest("The path is not UTF-8") from error
    if not segment.isprintable() or any(character in segment for character in "/\\%"):
        raise BadRequest("The path has control characters, or slashes, backslashes or percent signs that are escaped")
    return segment


def checked_query(query: bytes) -> str:
    """Return a query as it is, if it can be sent so.

    Raises:
        BadRequest: it cannot.
    """
    if len(query) > _LONGEST_QUERY:
        raise CmfError(f"The query is longer than {_LONGEST_QUERY} bytes", status=414)
    if not _QUERY.fullmatch(query):
        raise BadRequest("The query has characters that must be escaped")
    return query.decode("ascii")


def forwarded_headers(request: Request) -> dict[str, str]:
    """Return the headers to pass on.

    Raises:
        BadRequest: the client wants another protocol, or sends a header twice.
        MethodNotAllowed: the method is none to pass on.
    """
    if request.method not in METHODS:
        raise MethodNotAllowed(f"Method {request.method} is not passed on to a JobManager")
    if "websocket" in request.headers.get("upgrade", "").lower():
        raise BadRequest("A JobManager speaks no WebSocket: send plain HTTP requests")
    headers: dict[str, str] = {}
    for name in (*_TO_FLINK, *(_OF_BODY if has_body(request) else ())):
        values = request.headers.getlist(name)
        if len(values) > 1:
            raise BadRequest(f"Header {name} is there {len(values)} times")
        if values:
            headers[name] = values[0]
    if sum(map(len, headers.values())) > _LONGEST_HEADERS:
        raise CmfError(f"The headers are longer than {_LONGEST_HEADERS} bytes", status=431)
    return headers


def has_body(request: Request) -> bool:
    """Tell whether a request has a body to pass on; that of a GET has no meaning."""
    announced = "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
    return announced and request.method not in ("GET", "HEAD")


def answer_headers(streamed: Streamed, root: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the headers for the client; `root` is the path at which it sees the JobManager's."""
    for name in _FROM_FLINK:
        values = streamed.headers.getall(name, ())
        if values and not (name == "content-length" and streamed.status in _WITHOUT_BODY):
            yield name.encode(), values[-1].encode("latin-1", "replace")  # the first may be the API server's own
    location = _location(streamed.headers.get("location"), streamed.proxy, root)
    if location is not None:
        yield b"location", location.encode("ascii", "replace")
    yield b"x-content-type-options", b"nosniff"


def _location(value: str | None, proxy: str, root: str) -> str | None:
    """Return where a redirect leads for the client, or None if it leads away from the JobManager.

    The API server has put the path of its own proxy before paths of the JobManager.
    """
    if value is None:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    if not parts.path.startswith(f"{proxy}/"):
        return None
    try:
        path = forwarded_path(parts.path.removeprefix(proxy).encode("latin-1"), "")
        query = checked_query(parts.query.encode("latin-1"))
    except (CmfError, UnicodeEncodeError):
        return None
    return root + path.removeprefix("/") + (f"?{query}" if query else "")
