"""A hub that speaks https, and certificates for it and its callers."""

import ssl
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import trustme
from cmf_localfleet import ManagedProcess

from tests.support.hub import Hub
from tests.support.wait import wait_for


class SecuredHub(Hub):
    """A running hub with a server certificate of `authority`."""

    def __init__(self, directory: Path, settings: Mapping[str, str], authority: trustme.CA) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.authority = authority
        self.certificate = directory / "server.pem"
        self.renew()
        super().__init__(directory, {"CMF_SSL_CERTIFICATE": str(self.certificate), **settings})
        self.url = f"https://127.0.0.1:{self.settings['CMF_PORT']}"

    def renew(self, authority: trustme.CA | None = None) -> None:
        """Write a new server certificate."""
        issued = (authority or self.authority).issue_cert("127.0.0.1")
        content = issued.private_key_and_cert_chain_pem.bytes()
        self.certificate.write_bytes(content)

    def start(self) -> None:
        """Start the hub, and wait until it listens: its probes may need a certificate too."""
        self._process = ManagedProcess("hub", self.directory, die_with_parent=True)
        self._process.launch([Path(sys.executable).with_name("cmf-hub"), "serve"], self.settings)
        wait_for(self._listens, "the hub to listen")

    def _listens(self) -> bool:
        self.process.check_running()
        return "Uvicorn running" in self.process.log.read_text()

    def client(
        self, certificate: trustme.LeafCert | None = None, authority: trustme.CA | None = None, **options: Any
    ) -> httpx.Client:
        """Return a client that shows a certificate."""
        context = ssl.create_default_context()
        (authority or self.authority).configure_trust(context)
        if certificate is not None:
            certificate.configure_cert(context)
        return httpx.Client(base_url=self.url, verify=context, timeout=30, trust_env=False, **options)

    def status(self, path: str, certificate: trustme.LeafCert | None = None, **options: Any) -> int | str:
        """Return the status of a GET on a connection of its own, or `refused` if there is none."""
        with self.client(certificate, **options) as client:
            try:
                return client.get(path).status_code
            except httpx.TransportError:
                return "refused"


def expired(authority: trustme.CA, name: str) -> trustme.LeafCert:
    """Return a certificate that was good until yesterday."""
    return authority.issue_cert(common_name=name, not_after=datetime.now(UTC) - timedelta(days=1))
