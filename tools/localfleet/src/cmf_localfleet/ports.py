"""Free ports of 127.0.0.1."""

from __future__ import annotations

import random
import socket

from cmf_localfleet.errors import LocalFleetError

# Below the ports that operating systems give to outgoing connections (Linux from 32768, others from
# 49152): such a connection could otherwise hold the port of a server that is only stopped for a while.
_FIRST, _LAST = 15_000, 32_000


def is_free(port: int) -> bool:
    """Return whether a server could listen on ``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still timing out is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that was free a moment ago, picked at random so that two callers rarely meet.

    Raises:
        LocalFleetError: A hundred ports in a row were taken.
    """
    for _ in range(100):
        port = random.randrange(_FIRST, _LAST)  # noqa: S311 - not a secret
        if is_free(port):
            return port
    raise LocalFleetError(f"No free port was found between {_FIRST} and {_LAST}: end some servers and try again.")
