"""Certificates of an authority of one's own: a hub speaks https with them, and knows its callers by them."""

import base64
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmf_localfleet import ManagedProcess, free_port
from cryptography.hazmat.primitives.serialization import pkcs12
from pulumi_cmf_components.certificates import AuthorityProvider, CertificateProvider
from pulumi_cmf_components.security import roles, settings

from tests.support.wait import wait_for

DAYS = {"lifetime_days": 30.0}


@pytest.fixture(scope="module")
def authority() -> dict[str, Any]:
    return AuthorityProvider().issue({"common_name": "hub authority", **DAYS})


def issued(authority: dict[str, Any], name: str, *hosts: str) -> dict[str, Any]:
    signer = {"authority": authority["certificate"], "authority_key": authority["key"]}
    return CertificateProvider().issue({"common_name": name, "hosts": list(hosts), **signer, **DAYS})


@pytest.mark.rule("E53")
def test_a_hub_takes_them_with_the_settings_of_security(tmp_path: Path, authority: dict[str, Any]) -> None:
    """The variables that the component gives the pod, with its folders moved here."""
    own = issued(authority, "cmf-service", "127.0.0.1")
    for name, text in (("tls.crt", own["certificate"]), ("tls.key", own["key"]), ("ca.crt", authority["certificate"])):
        (tmp_path / name).write_text(text)
    bindings: Any = [{"principal": "User:reader", "role": "DeveloperRead", "environment": "*",
                      "resources": [{"type": "FlinkApplication", "name": "*"}]}]  # fmt: skip
    (tmp_path / "roles.yaml").write_text(roles(bindings))
    given = settings(
        {"certificates": "development", "mtls": True, "super_users": ["User:pulumi"], "role_bindings": bindings}
    )
    port = free_port()
    moved = {
        name: value.replace("/etc/cmf/tls", str(tmp_path)).replace("/etc/cmf/roles", str(tmp_path))
        for name, value in given.items()
    }
    moved |= {"CMF_PORT": str(port), "CMF_DATABASE": str(tmp_path / "hub.db")}
    moved["CMF_K8S_KUBECONFIG_DIRECTORY"] = str(tmp_path)
    hub = ManagedProcess("hub", tmp_path / "run", die_with_parent=True)
    hub.launch([Path(sys.executable).with_name("cmf-hub"), "serve"], moved)
    try:
        wait_for(lambda: "Uvicorn running" in hub.log.read_text(), "the hub to listen")
        statuses = {}
        for user in ("pulumi", "reader", None):
            context = ssl.create_default_context(cadata=authority["certificate"])
            if user:
                shown = issued(authority, user)
                (tmp_path / "client.pem").write_text(shown["key"] + shown["certificate"])
                context.load_cert_chain(tmp_path / "client.pem")
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=context, trust_env=False) as client:
                body = {"name": "none", "kubernetesNamespace": "none"}
                statuses[user] = (
                    client.get("/readyz").status_code,
                    client.post("/cmf/api/v1/environments", json=body).status_code,
                )
        assert statuses["reader"] == (200, 403)
        assert statuses[None] == (200, 401)
        assert statuses["pulumi"][1] not in (401, 403)
    finally:
        hub.stop()


def test_java_gets_stores(authority: dict[str, Any]) -> None:
    own = issued(authority, "flink")
    store = pkcs12.load_pkcs12(base64.b64decode(own["keystore"]), b"changeit")
    assert store.key is not None
    assert [each.certificate.subject.rfc4514_string() for each in store.additional_certs] == ["CN=hub authority"]
    assert authority["truststore"].startswith("MI")


def test_a_certificate_is_made_anew_in_the_second_half_of_its_life(authority: dict[str, Any]) -> None:
    provider = AuthorityProvider()
    inputs = {"common_name": "hub authority", **DAYS}
    assert provider.diff("id", {**inputs, **authority}, inputs).changes is False
    old = {**inputs, **authority, "expires": "2020-01-01T00:00:00+00:00"}
    assert provider.diff("id", old, inputs).changes is True
    renamed = {**inputs, "common_name": "other"}
    assert provider.diff("id", {**inputs, **authority}, renamed).changes is True
