"""Certificates of an authority of one's own, for development, with keys as secrets of the stack."""

from __future__ import annotations

import base64
import ipaddress
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pulumi import Output, dynamic
from pulumi.runtime import rpc

_OUTPUTS = ("certificate", "key", "expires")
_SECRET = ("key", "authority_key", "keystore")
STORE_PASSWORD = "changeit"  # noqa: S105 - Java wants one; it is the Secret around it that guards the store
_SKEW = timedelta(minutes=5)
"""Certificates are good from a little before now, for clocks that are behind."""


class _Issuer(dynamic.ResourceProvider, ABC):
    """What both kinds share: made once, and again in the second half of their life. Nothing is outside the state."""

    serialize_as_secret_always = False
    inputs: Sequence[str] = ()

    @abstractmethod
    def issue(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Make it."""
        return dynamic.CreateResult(str(props["common_name"]), _wrapped({**props, **self.issue(props)}))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Tell whether inputs changed, or half of its life is over."""
        changed = any(_olds.get(name) != _news.get(name) for name in self.inputs)
        half = float(_news["lifetime_days"]) * 86400 / 2
        ends = datetime.fromisoformat(_olds["expires"]).timestamp()
        return dynamic.DiffResult(changes=changed or time.time() > ends - half)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Make another one."""
        return dynamic.UpdateResult(_wrapped({**_news, **self.issue(_news)}))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return what the state has."""
        return dynamic.ReadResult(id_, _wrapped(props))


class AuthorityProvider(_Issuer):
    """Makes authorities."""

    inputs = ("common_name", "lifetime_days")

    def issue(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(given["common_name"])
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = (
            _builder(name, name, key, float(given["lifetime_days"]))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
        )
        made = _outputs(builder.sign(key, hashes.SHA256()), key)
        return made | {"truststore": _base64(truststore(made["certificate"]))}


class CertificateProvider(_Issuer):
    """Makes certificates."""

    inputs = ("common_name", "lifetime_days", "hosts", "authority", "authority_key")

    def issue(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new certificate, for servers and clients."""
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.load_pem_x509_certificate(given["authority"].encode())
        signing = serialization.load_pem_private_key(given["authority_key"].encode(), None)
        assert isinstance(signing, ec.EllipticCurvePrivateKey)
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = (
            _builder(_name(given["common_name"]), authority.subject, key, float(given["lifetime_days"]))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(uses, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        )
        if given.get("hosts"):
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_host, given["hosts"])), critical=False)
        made = _outputs(builder.sign(signing, hashes.SHA256()), key)
        return made | {"keystore": _base64(keystore(made["certificate"], made["key"], given["authority"]))}


class _Issued(dynamic.Resource):
    certificate: Output[str]
    """PEM."""
    key: Output[str]
    """PEM. A secret."""
    expires: Output[str]
    """RFC 3339."""


class CertificateAuthority(_Issued, module="cmf-components", name="CertificateAuthority"):
    """An authority for development, whose key is a secret of the stack. A new one makes all its certificates anew."""

    truststore: Output[str]
    """Trust store for Java with it, PKCS#12 in base64, password `changeit`. Made once: each one differs."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        common_name: str,
        lifetime_days: int = 3650,
    ) -> None:
        """Describe an authority.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            common_name: its name.
            lifetime_days: its life in days; a `pulumi up` in the second half makes another.
        """
        inputs: dict[str, Any] = {"common_name": common_name, "lifetime_days": lifetime_days}
        inputs |= dict.fromkeys((*_OUTPUTS, "truststore"))
        super().__init__(AuthorityProvider(), resource_name, inputs, _secrets(opts, "key"))


class Certificate(_Issued, module="cmf-components", name="Certificate"):
    """A certificate of such an authority, for server or client, renewed by the first `pulumi up` in its second half."""

    keystore: Output[str]
    """Keystore for Java with key, certificate and authority, PKCS#12 in base64, password `changeit`. A secret."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        authority: CertificateAuthority,
        common_name: str,
        hosts: Sequence[str] = (),
        lifetime_days: int = 365,
    ) -> None:
        """Describe a certificate.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            authority: who signs it.
            common_name: whose it is; a client's becomes the principal `User:COMMON_NAME` at the hub.
            hosts: host names and addresses of a server.
            lifetime_days: its life in days.
        """
        inputs = {
            "common_name": common_name,
            "lifetime_days": lifetime_days,
            "hosts": list(hosts),
            "authority": authority.certificate,
            "authority_key": authority.key,
            **dict.fromkeys((*_OUTPUTS, "keystore")),
        }
        super().__init__(CertificateProvider(), resource_name, inputs, _secrets(opts, *_SECRET))


def keystore(certificate: str, key: str, authority: str) -> bytes:
    """Return a PKCS#12 keystore of Java with a key, its certificate and its authority.

    Args:
        certificate: PEM.
        key: PEM.
        authority: PEM.
    """
    read = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(read, ec.EllipticCurvePrivateKey)
    return pkcs12.serialize_key_and_certificates(
        b"key",
        read,
        x509.load_pem_x509_certificate(certificate.encode()),
        [x509.load_pem_x509_certificate(authority.encode())],
        serialization.BestAvailableEncryption(STORE_PASSWORD.encode()),
    )


def truststore(authority: str) -> bytes:
    """Return a PKCS#12 trust store of Java with an authority in PEM."""
    trusted = pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(authority.encode()), b"authority")
    return pkcs12.serialize_java_truststore([trusted], serialization.BestAvailableEncryption(STORE_PASSWORD.encode()))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _outputs(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "key": pem.decode(),
        "expires": certificate.not_valid_after_utc.isoformat(timespec="seconds"),
    }


def _wrapped(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rpc.wrap_rpc_secret(value) if name in _SECRET else value for name, value in outputs.items()}


def _secrets(opts: pulumi.ResourceOptions | None, *names: str) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=list(names)))
