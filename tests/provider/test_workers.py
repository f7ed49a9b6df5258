"""How many operations are under way at once: as many as the engine starts, on both fronts."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.provider.program import Program, on_both_fronts
from tests.support.hub import Hub, unique

CREATES = 16
PATIENCE_SECONDS = 30.0


class Gate(ThreadingHTTPServer):
    """A CMF whose creations are answered only once all `CREATES` of them are there; it counts them."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = behind
        self.at_once = 0
        self.all_there = threading.Barrier(CREATES)
        self.lock = threading.Lock()

    def pass_through(self) -> None:
        """Count a creation, and wait for the others."""
        with self.lock:
            self.at_once += 1
        self.all_there.wait(PATIENCE_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    server: Gate

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "POST":
            try:
                self.server.pass_through()
            except threading.BrokenBarrierError:
                self.send_error(400, "not all were there")
                return
        headers = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
        answer = httpx.request(self.command, self.server.behind + self.path, content=body, headers=headers)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815 - names that the server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the class has it
        """Say nothing."""


@pytest.fixture
def gate(cmf: Hub) -> Iterator[Gate]:
    """A gate before the hub."""
    made = Gate(str(cmf.http.base_url))
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@on_both_fronts
def test_sixteen_creates_are_under_way_at_once(program: Program, gate: Gate) -> None:
    program.environment["CMF_URL"] = f"http://127.0.0.1:{gate.server_port}"
    names = [unique("env") for _ in range(CREATES)]
    program.write("".join(f"Environment({name!r}, kubernetes_namespace='flink')\n" for name in names))
    said = program.run("up", "--yes", "--skip-preview", "--parallel", str(CREATES))
    program.environment["CMF_URL"] = gate.behind  # for what is destroyed after the test, when the gate is gone
    assert gate.at_once == CREATES
    assert f"{CREATES + 1} created" in said
