"""What the hub needs to reach one Kubernetes API server, and nothing more."""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path


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

    @contextmanager
    def certificate_file(self) -> Iterator[str | None]:
        """Certificate and key in a file of this user's that is gone afterwards: OpenSSL reads them only from files."""
        if not (self.client_certificate and self.client_key):
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="cmf-hub-") as folder:
            path = Path(folder, "client.pem")
            path.write_text(f"{self.client_certificate}\n{self.client_key}\n", encoding="ascii")
            yield str(path)

    def check(self) -> None:
        """Try certificates and key on OpenSSL.

        Raises:
            ValueError: it cannot use them; the text says which.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.ca is not None:
            try:
                context.load_verify_locations(cadata=self.ca)
            except ssl.SSLError as error:
                raise ValueError("certificate-authority-data holds no usable certificate") from error
        with self.certificate_file() as path:
            if path is None:
                return
            try:
                # Without this password, OpenSSL would ask the terminal for that of an encrypted key.
                context.load_cert_chain(path, password="")
            except ssl.SSLError as error:
                raise ValueError(
                    "client-certificate-data and client-key-data are not a certificate and its key without a password"
                ) from error
