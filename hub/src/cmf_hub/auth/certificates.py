"""The principal of a client certificate (E53)."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Literal

from cmf_core.errors import Unauthorized
from cryptography import x509

from cmf_hub.auth.mapping import PrincipalMapping
from cmf_hub.auth.principal import Principal, sound_name

Source = Literal["subject", "san"]
_NO_CERTIFICATE = "No client certificate was given: connect by TLS with one that the hub's authorities have signed"


class CertificateAuthenticator:
    """Knows callers by their client certificates, which the TLS handshake has verified.

    Args:
        mapping: what becomes of the certificate's name.
        source: `subject` for its distinguished name, `san` for its alternative name.
    """

    challenge = "ClientCertificate"

    def __init__(self, mapping: PrincipalMapping, source: Source) -> None:
        self._mapping = mapping
        self._source = source
        self._known = lru_cache(maxsize=4096)(self._look_at)

    async def principal(self, scope: MutableMapping[str, Any]) -> Principal:
        """Return who calls.

        Raises:
            Unauthorized: there is no certificate, it has expired since, or no rule makes a name of it.
        """
        der = scope.get("extensions", {}).get("tls", {}).get("client_cert_der")
        if der is None:
            raise Unauthorized(_NO_CERTIFICATE)
        principal, expires = self._known(der)
        if principal is None:
            raise Unauthorized("The client certificate has no name that is a principal here")
        if time.time() > expires:
            raise Unauthorized("The client certificate has expired: connect again with a new one")
        return principal

    def _look_at(self, der: bytes) -> tuple[Principal | None, float]:
        certificate = x509.load_der_x509_certificate(der)
        name = certificate.subject.rfc4514_string() if self._source == "subject" else _alternative_name(certificate)
        mapped = sound_name(self._mapping.apply(name)) if name else None
        principal = Principal(f"User:{mapped}") if mapped else None
        return principal, certificate.not_valid_after_utc.timestamp()


def _alternative_name(certificate: x509.Certificate) -> str | None:
    """Return the one URI (SPIFFE), DNS name or mail address of a certificate; several of a sort are nobody's name."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    for kind in (x509.UniformResourceIdentifier, x509.DNSName, x509.RFC822Name):
        found = names.get_values_for_type(kind)
        if found:
            return str(found[0]) if len(found) == 1 else None
    return None
