"""What the hub needs to reach one Kubernetes API server, and nothing more."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, field


@dataclass(frozen=True)
class ClusterCredentials:
    """Address of an API server and what proves each side to the other. Secrets stay out of `repr`.

    Attributes:
        server: `https://host:port`, without a trailing slash.
        ca: PEM certificates that sign the server's; None takes the system's authorities.
        client_certificate: PEM certificate that the hub shows, or None.
        client_key: PEM key of `client_certificate`.
        token: bearer token, or None.
        tls_server_name: name to expect in the server's certificate instead of the host of `server`.
        verify: False accepts any server certificate; only a setting allows that.
        proxy_url: HTTP proxy in front of the server; only a setting allows one.
    """

    server: str
    ca: str | None = field(default=None, repr=False)
    client_certificate: str | None = field(default=None, repr=False)
    client_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    tls_server_name: str | None = None
    verify: bool = True
    proxy_url: str | None = field(default=None, repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all fields: equal if and only if a connection made with either is the same."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()
