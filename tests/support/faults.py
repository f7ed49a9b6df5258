"""A network between the provider and a hub that fails when a test says so."""

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 60.0


@dataclass
class Fault:
    """What happens to one request.

    Attributes:
        method: of the request.
        path: text that its path has.
        nth: which of the requests that fit: 1 is the next.
        times: for how many of them.
        delivered: the hub gets the request, and what happens, happens to the answer.
        hold: seconds until which a test may `release` it; without, it goes on at once.
        status: what is answered in place of the hub; None cuts the connection.
        headers: of that answer.
    """

    method: str
    path: str = ""
    nth: int = 1
    times: int = 1
    delivered: bool = False
    hold: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def fits(self, method: str, path: str) -> bool:
        """Tell whether it is this request's turn."""
        if method != self.method or self.path not in path or self.times < 1:
            return False
        self.nth -= 1
        if self.nth > 0:
            return False
        self.times -= 1
        return True

    def wait_reached(self) -> None:
        """Wait until a request is there."""
        assert self.reached.wait(_SECONDS), f"no {self.method} {self.path} came"


class FaultProxy:
    """Passes requests on to a hub, except those that have a fault."""

    def __init__(self, hub: str) -> None:
        self._hub = urlsplit(hub)
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.url = ""
        self.requests: list[tuple[str, str, int]] = []
        """Method, path and status of each answer of the hub's."""

    def plan(self, fault: Fault) -> Fault:
        """Let something happen; the oldest fault that fits a request is its own."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything pass from now on, also what is held."""
        with self._lock:
            for fault in self._faults:
                fault.released.set()
            self._faults.clear()
            self.requests.clear()

    def written(self, method: str) -> list[str]:
        """Return the paths of the requests of a method that the hub carried out."""
        return [path for sent, path, status in self.requests if sent == method and status < 300]

    def _fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fault.fits(method, path)), None)

    def forward(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, str]:
        """Send a request to the hub; return status, body and content type of its answer."""
        assert self._hub.hostname
        connection = http.client.HTTPConnection(self._hub.hostname, self._hub.port, timeout=_SECONDS)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        with self._lock:
            self.requests.append((method, path, answer.status))
        return answer.status, content, answer.headers.get("Content-Type", "application/json")

    @contextmanager
    def serve(self) -> Iterator["FaultProxy"]:
        """Listen on a port of its own."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kept = {k: v for k, v in self.headers.items() if k.lower() in ("content-type", "accept")}
                fault = proxy._fault(self.command, self.path)
                if fault is not None and fault.delivered:
                    proxy.forward(self.command, self.path, body, kept)
                if fault is not None:
                    fault.reached.set()
                    if fault.hold:
                        fault.released.wait(_SECONDS)
                    self._fail(fault)
                    return
                try:
                    answer = proxy.forward(self.command, self.path, body, kept)
                except OSError:
                    self._cut()
                    return
                self._send(answer[0], answer[1], {"Content-Type": answer[2]})

            do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - http.server's names

            def _fail(self, fault: Fault) -> None:
                if fault.status is None:
                    self._cut()
                    return
                body = b'{"errors": [{"message": "patience"}]}'
                self._send(fault.status, body, {"Content-Type": "application/json", **fault.headers})

            def _cut(self) -> None:
                self.close_connection = True
                with suppress(OSError):  # the caller was killed
                    self.connection.shutdown(socket.SHUT_RDWR)

            def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the caller was killed

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            self.clear()
            server.shutdown()
            server.server_close()
            thread.join()
