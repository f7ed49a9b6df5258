"""A metadata service: the one call that a hub makes of it, over real HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Decide = Callable[[str, dict[str, Any]], bool]


class MetadataService:
    """A service that decides by a function of principal and action."""

    def __init__(self, decide: Decide) -> None:
        self.decide = decide
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.authorization = ""
        self.answer: tuple[int, bytes] | None = None
        """What it answers instead, while it is out of order."""
        self.requests = 0
        self.hangs = threading.Event()
        self.hangs.set()
        self.url = ""

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Serve over HTTP."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.requests += 1
                service.hangs.wait(30)
                service.authorization = self.headers.get("Authorization", "")
                who, actions = body["userPrincipal"], body["actions"]
                service.asked += [(who, action) for action in actions]
                verdicts = ["ALLOWED" if service.decide(who, action) else "DENIED" for action in actions]
                status, content = service.answer or (200, json.dumps(verdicts).encode())
                if self.path != "/security/1.0/authorize":
                    status = 404
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield
        finally:
            self.hangs.set()
            server.shutdown()
            server.server_close()
            thread.join()
