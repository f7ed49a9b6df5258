"""Keeps a proxy of the environment away from this machine's own ports."""

from __future__ import annotations

from urllib.request import getproxies

_LOCAL = ("127.0.0.1", "localhost")


def no_proxy() -> str:
    """Return the hosts that bypass the proxy: those of the environment, and this machine."""
    given = [host for host in getproxies().get("no", "").split(",") if host]
    return ",".join([*given, *(host for host in _LOCAL if host not in given)])


def no_proxy_exports() -> dict[str, str]:
    """Return the variables that a child process needs if there is a proxy, and none if there is not."""
    if not set(getproxies()) - {"no"}:
        return {}
    # Some programs read the one spelling, some the other.
    return {"NO_PROXY": no_proxy(), "no_proxy": no_proxy()}
