"""The official ``etcd`` and ``kube-apiserver`` binaries, where ``KUBEBUILDER_ASSETS`` names their folder.

They make no certificates, so this module makes the files that ``tools/local-apiserver`` would have made,
under the same names: a cluster's folder can be served by either.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cmf_localfleet.errors import MissingPrerequisiteError
from cmf_localfleet.ports import free_port

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_LIFETIME = datetime.timedelta(days=3650)


def commands(assets: Path, directory: Path, name: str, port: int) -> tuple[list[str], list[str]]:
    """Prepare ``directory`` and return the commands of etcd and kube-apiserver.

    Raises:
        MissingPrerequisiteError: ``assets`` does not hold both binaries.
    """
    etcd, apiserver = assets / "etcd", assets / "kube-apiserver"
    for binary in (etcd, apiserver):
        if not binary.is_file():
            raise MissingPrerequisiteError(
                f"KUBEBUILDER_ASSETS is set to {assets}, which has no {binary.name}: "
                "fetch the binaries with `setup-envtest use`, or unset it to have them built."
            )
    if not (directory / "ca.crt").exists():
        _write_certificates(directory)
    _write_kubeconfig(directory, name, port)
    client_url, peer_url = f"https://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    file = {item.name: str(item) for item in directory.iterdir()}
    etcd_options = {
        "name": "local",
        "data-dir": str(directory / "etcd"),
        "listen-client-urls": client_url,
        "advertise-client-urls": client_url,
        "listen-peer-urls": peer_url,
        "initial-advertise-peer-urls": peer_url,
        "initial-cluster": f"local={peer_url}",
        "cert-file": file["server.crt"],
        "key-file": file["server.key"],
        "trusted-ca-file": file["ca.crt"],
        "client-cert-auth": "true",
        "heartbeat-interval": "10",
        "election-timeout": "100",
        "unsafe-no-fsync": "true",
        "log-level": "error",
    }
    apiserver_options = {
        "bind-address": "127.0.0.1",
        "secure-port": str(port),
        "etcd-servers": client_url,
        "etcd-cafile": file["ca.crt"],
        "etcd-certfile": file["admin.crt"],
        "etcd-keyfile": file["admin.key"],
        "tls-cert-file": file["server.crt"],
        "tls-private-key-file": file["server.key"],
        "client-ca-file": file["ca.crt"],
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": file["service-account.key"],
        "service-account-signing-key-file": file["service-account.key"],
        "service-cluster-ip-range": "10.96.0.0/16",
        "authorization-mode": "RBAC",
        "disable-admission-plugins": "ServiceAccount",
        "endpoint-reconciler-type": "none",
    }
    return (
        [str(etcd), *(f"--{option}={value}" for option, value in etcd_options.items())],
        [str(apiserver), *(f"--{option}={value}" for option, value in apiserver_options.items())],
    )


def _write_certificates(directory: Path) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("local-apiserver-ca")
    authority = (
        _certificate(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = (
        _certificate(_name("local-apiserver"), authority_name, server_key)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    # RSA: the Kubernetes client that Flink ships reads no EC client key.
    admin_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    admin = (
        _certificate(_name("local-admin", "system:masters"), authority_name, admin_key)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(directory / "server.key", _key_pem(server_key))
    _write(directory / "server.crt", server.public_bytes(serialization.Encoding.PEM))
    _write(directory / "admin.key", _key_pem(admin_key))
    _write(directory / "admin.crt", admin.public_bytes(serialization.Encoding.PEM))
    _write(directory / "service-account.key", _key_pem(ec.generate_private_key(ec.SECP256R1())))
    # Last: where it is, everything is.
    _write(directory / "ca.crt", authority.public_bytes(serialization.Encoding.PEM))


def _name(common_name: str, organization: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _certificate(subject: x509.Name, issuer: x509.Name, key: _Key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _write_kubeconfig(directory: Path, name: str, port: int) -> None:
    def encoded(file: str) -> str:
        return base64.b64encode((directory / file).read_bytes()).decode()

    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": encoded("ca.crt")}
    user = {"client-certificate-data": encoded("admin.crt"), "client-key-data": encoded("admin.key")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    # Renamed into place: a reader sees the old file or the new one, never half of it.
    part = directory / "kubeconfig.part"
    _write(part, yaml.safe_dump(document, sort_keys=False).encode())
    part.rename(directory / "kubeconfig")
