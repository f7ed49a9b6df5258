"""TLS and client certificates on real connections."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.hub import V1
from tests.support.secured import SecuredHub, expired
from tests.support.wait import wait_for

PATH = f"{V1}/environments"
RULES = r"RULE:^CN=([^,\\]+),OU=flink,O=acme$/$1/L,RULE:^CN=ops$/operator/"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def mutual(directory: Path, authority: trustme.CA, **settings: str) -> SecuredHub:
    directory.mkdir(parents=True, exist_ok=True)
    trust = directory / "trust.pem"
    trust.write_bytes(authority.cert_pem.bytes())
    return SecuredHub(
        directory,
        {
            "CMF_SSL_TRUST_CERTIFICATE": str(trust),
            "CMF_SSL_CLIENT_AUTH": "need",
            "CMF_AUTHENTICATION_TYPE": "mtls",
            "CMF_SSL_PRINCIPAL_MAPPING_RULES": RULES,
            **settings,
        },
        authority,
    )


@pytest.fixture(scope="module")
def hub(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredHub]:
    running = mutual(tmp_path_factory.mktemp("mutual"), authority)
    running.start()
    yield running
    running.stop()


def certificate(authority: trustme.CA, name: str = "Alice", unit: str = "flink") -> trustme.LeafCert:
    return authority.issue_cert(common_name=name, organization_name="acme", organization_unit_name=unit)


@pytest.mark.rule("E53")
def test_a_certificate_lets_in_and_its_name_is_who_calls(hub: SecuredHub, authority: trustme.CA) -> None:
    with hub.client(certificate(authority)) as client:
        assert client.get(PATH).status_code == 200
        assert client.delete(f"{V1}/secrets/nobody").status_code == 404
    wait_for(lambda: '"principal": "User:alice"' in hub.process.log.read_text(), "the audit line")


@pytest.mark.rule("E53")
def test_other_certificates_end_in_the_handshake(hub: SecuredHub, authority: trustme.CA) -> None:
    stranger = trustme.CA()
    assert hub.status(PATH) == "refused"
    assert hub.status(PATH, certificate(stranger)) == "refused"
    assert hub.status(PATH, expired(authority, "ops")) == "refused"
    assert hub.status(PATH, certificate(authority), authority=stranger) == "refused", "the client knows another server"
    assert hub.status(PATH, certificate(authority)) == 200


@pytest.mark.rule("E53")
def test_a_name_that_no_rule_fits_is_nobody(hub: SecuredHub, authority: trustme.CA) -> None:
    assert hub.status(PATH, certificate(authority, unit="sales")) == 401
    assert hub.status(PATH, certificate(authority, "eve,OU=flink,O=acme", unit="sales")) == 401
    assert hub.status(PATH, certificate(authority, "a\nb")) == 401
    assert hub.status(PATH, authority.issue_cert("alice.example")) == 401, "no subject that a rule fits"
    with hub.client(certificate(authority, unit="sales")) as client:
        answer = client.get(PATH, headers={"X-Forwarded-Client-Cert": "Subject=CN=ops", "X-SSL-Client-S-DN": "CN=ops"})
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["message"]
        assert client.get("/readyz").status_code == 200


def test_old_protocols_are_refused(hub: SecuredHub, authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", int(hub.settings["CMF_PORT"]))) as connection,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(connection, server_hostname="127.0.0.1")


@pytest.mark.rule("E53")
def test_want_lets_probes_in_without_a_certificate(tmp_path: Path, authority: trustme.CA) -> None:
    hub = mutual(tmp_path, authority, CMF_SSL_CLIENT_AUTH="want")
    hub.start()
    try:
        assert hub.status("/healthz") == 200
        assert hub.status(PATH) == 401
        assert hub.status("/metrics") == 401
        assert hub.status(PATH, certificate(authority)) == 200
        assert hub.status("/metrics", certificate(authority)) == 200
        assert hub.status(PATH, certificate(trustme.CA())) == "refused"
    finally:
        hub.stop()


@pytest.mark.rule("E53")
def test_files_are_rotated_without_a_restart(tmp_path: Path, authority: trustme.CA) -> None:
    hub = mutual(tmp_path, authority)
    hub.start()
    try:
        old, new = certificate(authority), trustme.CA()
        assert hub.status(PATH, old) == 200
        hub.certificate.write_text("half of a certif")
        wait_for(lambda: "cannot be used" in hub.process.log.read_text(), "the broken file to be noticed")
        assert hub.status(PATH, old) == 200, "what was there before stays in force"
        hub.renew(new)
        wait_for(lambda: hub.status(PATH, old, authority=new) == 200, "the new server certificate")
        (tmp_path / "trust.pem").write_bytes(new.cert_pem.bytes())
        wait_for(lambda: hub.status(PATH, certificate(new), authority=new) == 200, "the new authority of clients")
        assert hub.status(PATH, old, authority=new) == "refused", "the old one is trusted no longer"
    finally:
        hub.stop()


@pytest.mark.rule("E53")
def test_a_name_may_come_from_the_alternative_names(tmp_path: Path, authority: trustme.CA) -> None:
    rules = {"CMF_SSL_PRINCIPAL_SOURCE": "san", "CMF_SSL_PRINCIPAL_MAPPING_RULES": r"RULE:(.*)\.example/$1/"}
    hub = mutual(tmp_path, authority, **rules)
    hub.start()
    try:
        assert hub.status(PATH, authority.issue_cert("alice.example")) == 200
        assert hub.status(PATH, authority.issue_cert("alice.other")) == 401
        assert hub.status(PATH, authority.issue_cert("alice.example", "root.example")) == 401, "which of them?"
        assert hub.status(PATH, certificate(authority)) == 401, "no alternative name"
    finally:
        hub.stop()
