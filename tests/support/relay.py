"""A network between a hub and its PostgreSQL that breaks when a test says so."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes connections on to a server, until it is told to lose an answer or to cut everything."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._lose: bytes | None = None
        self._cut = False
        self.lost = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_answer_to(self, text: bytes) -> None:
        """Cut the next connection whose client sends a text when the server has answered: the client does not know."""
        self.lost.clear()
        self._lose = text

    def cut(self, *, off: bool) -> None:
        """Take no connections from now on, and end those that are there; or take them again."""
        self._cut = off

    def close(self) -> None:
        """End everything."""
        self._cut = True
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            losing = False
            while not self._cut:
                ready, _, _ = select.select([client, server], [], [], 0.05)
                for each in ready:
                    data = each.recv(1 << 16)
                    if not data:
                        return
                    if each is server and losing:
                        self.lost.set()
                        return
                    if each is client and self._lose is not None and self._lose in data:
                        self._lose, losing = None, True
                    (server if each is client else client).sendall(data)


@contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """Run a relay until the end of the block."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.close()
