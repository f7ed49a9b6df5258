"""The server's side of TLS: certificate, key, and who may have signed a client's certificate."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cmf_hub.auth.files import WatchedFiles

ClientAuth = Literal["none", "want", "need"]
_VERIFY = {"none": ssl.CERT_NONE, "want": ssl.CERT_OPTIONAL, "need": ssl.CERT_REQUIRED}


class ServerTls:
    """TLS of one server, TLS 1.2 at least. New connections use the files as they are now.

    Args:
        certificate: PEM file of the server's certificate, and of those between it and its authority.
        key: PEM file of its key.
        trust: PEM file of the authorities of clients' certificates; needed unless `client_auth` is none.
        client_auth: whether clients may (want) or have to (need) give a certificate.
    """

    def __init__(self, certificate: Path, key: Path, trust: Path | None, client_auth: ClientAuth) -> None:
        self._certificate, self._key, self._trust = certificate, key, trust
        self._client_auth = client_auth
        self._current = self._made()
        self._offered = self._made()
        # A server keeps the context that it was started with; each handshake is moved to the current one.
        self._offered.sni_callback = self._use_current
        paths = [path for path in (certificate, key, trust) if path is not None]
        self.files = WatchedFiles("the server's TLS files", paths, self._renew)

    @property
    def context(self) -> ssl.SSLContext:
        """The context to start a server with."""
        return self._offered

    def _renew(self, _: Sequence[bytes]) -> None:
        self._current = self._made()

    def _use_current(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = self._current

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Without tickets every connection shows its certificate anew, so that a rotated trust file takes effect.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        context.load_cert_chain(self._certificate, self._key)
        if self._trust is not None:
            context.load_verify_locations(cafile=self._trust)
        context.verify_mode = _VERIFY[self._client_auth]
        return context
