"""A kubeconfig is code: what is taken, and that everything else is refused with a way out and no secret."""

import base64
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from cmf_hub.clusters import kubeconfig as module
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.kubeconfig import MAX_BYTES, KubeconfigRefused, Policy, parse
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.clusters import kubeconfigs

STRICT = Policy()


def refusal(data: bytes, policy: Policy = STRICT) -> str:
    with pytest.raises(KubeconfigRefused) as caught:
        parse(data, policy)
    message = str(caught.value)
    assert "secret-token" not in message
    assert "\n" not in message
    assert caught.value.status == 400
    return message


@pytest.fixture(autouse=True)
def nothing_runs_or_connects(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a kubeconfig says, reading it starts no process and opens no socket."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("reading a kubeconfig must not do this")

    for owner, name in ((subprocess, "Popen"), (socket, "socket"), (socket, "getaddrinfo")):
        monkeypatch.setattr(owner, name, forbidden)
    yield  # noqa: PT022 - monkeypatch undoes it afterwards


def test_a_token_and_the_authority_are_taken() -> None:
    found = parse(kubeconfigs.text(), STRICT)
    assert found == ClusterCredentials(
        kubeconfigs.SERVER, ca=base64.b64decode(kubeconfigs.ca()).decode(), token="secret-token"
    )


def test_a_client_certificate_is_taken() -> None:
    certificate, key = kubeconfigs.client_pair()
    found = parse(
        kubeconfigs.text(user={"token": None, "client-certificate-data": certificate, "client-key-data": key}), STRICT
    )
    assert found.token is None
    assert (found.client_certificate, found.client_key) == (
        base64.b64decode(certificate).decode(),
        base64.b64decode(key).decode(),
    )


def test_json_a_server_path_and_a_server_name_are_taken() -> None:
    data = json.dumps(
        kubeconfigs.document({"server": "https://rancher.example/k8s/clusters/c-1/", "tls-server-name": "inner"})
    ).encode()
    found = parse(data, STRICT)
    assert (found.server, found.tls_server_name) == ("https://rancher.example/k8s/clusters/c-1", "inner")


def test_what_tools_add_without_effect_is_passed_over() -> None:
    extensions = '"extensions": [{"name": "cluster_info", "extension": {"provider": "minikube.sigs.k8s.io"}}]'
    data = json.dumps(kubeconfigs.document({"disable-compression": True}))
    for part in ('"cluster": {', '"user": {', '"context": {'):
        assert part in data
        data = data.replace(part, f"{part}{extensions}, ")
    assert parse(data.encode(), STRICT).token == "secret-token"


def test_only_the_current_context_counts() -> None:
    document = kubeconfigs.document()
    document["users"].append({"name": "other", "user": {"exec": {"command": "/bin/sh"}}})
    document["clusters"].append({"name": "other", "cluster": {"server": "http://169.254.169.254"}})
    assert parse(yaml.safe_dump(document).encode(), STRICT).server == kubeconfigs.SERVER


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"exec": {"apiVersion": "v1", "command": "/bin/sh", "args": ["-c", "id"]}}, ["'exec'", "run a command"]),
        ({"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}}, ["'auth-provider'", "service account"]),
        ({"auth-provider": {"name": "oidc", "config": {"idp-issuer-url": "https://x"}}}, ["'auth-provider'"]),
        ({"tokenFile": "/etc/shadow"}, ["'tokenFile'", "--flatten"]),
        ({"client-certificate": "/etc/hub.crt"}, ["'client-certificate'", "--flatten"]),
        ({"client-key": "/etc/hub.key"}, ["'client-key'", "--flatten"]),
        ({"username": "admin", "password": "secret-token"}, ["'password'", "no passwords"]),
        ({"as": "system:admin"}, ["'as'", "impersonation"]),
        ({"as-groups": ["system:masters"]}, ["'as-groups'", "impersonation"]),
        ({"brand-new": "x"}, ["'brand-new'", "does not know"]),
        ({"token": None}, ["no credentials", "give a token"]),
        ({"token": "two words"}, ["token", "characters"]),
        ({"token": "a\r\nX-Admin: 1"}, ["token", "characters"]),
        ({"token": ["secret-token"]}, ["token", "string"]),
    ],
)
def test_refused_users_say_why_and_what_to_do(user: dict[str, Any], words: list[str]) -> None:
    message = refusal(kubeconfigs.text(user=user))
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ({"certificate-authority": "/etc/ca.crt"}, ["'certificate-authority'", "--flatten"]),
        ({"insecure-skip-tls-verify": True}, ["CMF_K8S_KUBECONFIG_ALLOW_INSECURE_TLS"]),
        ({"proxy-url": "http://proxy.example:3128"}, ["CMF_K8S_KUBECONFIG_ALLOW_PROXY"]),
        ({"server": None}, ["server", "required"]),
        ({"server": "http://spoke.example"}, ["server", "https URL"]),
        ({"server": "spoke.example:6443"}, ["https URL"]),
        ({"server": "https://user:secret-token@spoke.example"}, ["https URL"]),
        ({"server": "https://spoke.example/?token=secret-token"}, ["https URL"]),
        ({"server": "https://[::1"}, ["https URL"]),
        ({"server": "https://spoke.example:70000"}, ["https URL"]),
        ({"server": "https://spoke.example:0"}, ["https URL"]),
        ({"server": "https://"}, ["https URL"]),
        ({"server": "https://spoke.example/a b"}, ["https URL"]),
        ({"server": "unix:///var/run/docker.sock"}, ["https URL"]),
        ({"server": "https://169.254.169.254"}, ["link-local"]),
        ({"server": "https://[fe80::1]:6443"}, ["link-local"]),
        ({"server": "https://0.0.0.0:6443"}, ["unspecified"]),
        ({"certificate-authority-data": "%%%"}, ["certificate-authority-data", "base64"]),
        ({"certificate-authority-data": base64.b64encode(b"no pem").decode()}, ["PEM"]),
        (
            {"certificate-authority-data": base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n").decode()},
            ["certificate-authority-data", "no usable certificate"],
        ),
    ],
)
def test_refused_clusters_say_why_and_what_to_do(cluster: dict[str, Any], words: list[str]) -> None:
    message = refusal(kubeconfigs.text(cluster))
    assert all(word in message for word in words), message


def test_what_settings_allow_is_taken() -> None:
    insecure = kubeconfigs.text({"insecure-skip-tls-verify": True, "certificate-authority-data": None})
    assert parse(insecure, Policy(allow_insecure_tls=True)).verify is False
    proxied = kubeconfigs.text({"proxy-url": "http://proxy.example:3128"})
    assert parse(proxied, Policy(allow_proxy=True)).proxy_url == "http://proxy.example:3128"
    refusal(kubeconfigs.text({"proxy-url": "socks5://proxy.example"}), Policy(allow_proxy=True))


def test_a_certificate_needs_its_own_key() -> None:
    certificate, key = kubeconfigs.client_pair()
    assert "go together" in refusal(kubeconfigs.text(user={"token": None, "client-certificate-data": certificate}))
    other = base64.b64encode(trustme.CA().issue_cert("else@example.org").private_key_pem.bytes()).decode()
    pair = {"client-certificate-data": certificate, "client-key-data": other}
    assert "are not a certificate and its key" in refusal(kubeconfigs.text(user=pair))
    half = {"client-certificate-data": certificate, "client-key-data": key[: len(key) // 2 // 4 * 4]}
    assert "are not a certificate and its key" in refusal(kubeconfigs.text(user=half))


def test_a_key_with_a_password_is_refused_instead_of_asking_the_terminal() -> None:
    certificate, key = kubeconfigs.client_pair()
    locked = load_pem_private_key(base64.b64decode(key), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    pair = {"client-certificate-data": certificate, "client-key-data": base64.b64encode(locked).decode()}
    assert "without a password" in refusal(kubeconfigs.text(user=pair))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["not a YAML mapping"]),
        (b"\x00\x01\x02", ["not YAML"]),
        (b"\xff\xfe", ["not UTF-8"]),
        (b"just text", ["not a YAML mapping"]),
        (b"- a\n- b\n", ["not a YAML mapping"]),
        (b"a: [", ["not YAML (line", "incomplete"]),
        (b"kind: Secret\n", ["not a kubeconfig"]),
        (b"kind: Config\n", ["no current-context"]),
        (b"current-context: x\n", ["context", "not in its contexts"]),
        (b"current-context: x\ncontexts: null\n", ["not in its contexts"]),
        (b"current-context: x\ncontexts: [{name: x, context: null}]\n", ["context is not valid"]),
        (b"[    " * 500, ["it is n"]),  # nested, or not YAML: some versions of libyaml give up first
        (b"[" * 100_000, ["it is n"]),
        (b"a: " + b"{b: " * 30, ["nested deeper"]),
        (b"a: &a [x]\nb: *a\n", ["aliases"]),
        (b"? [a]\n: b\n", ["not YAML"]),
        (b"a: !!python/object/apply:os.system [id]\n", ["no current-context"]),
    ],
)
def test_what_is_no_kubeconfig_is_refused(data: bytes, words: list[str]) -> None:
    message = refusal(data)
    assert all(word in message for word in words), message


def test_the_message_of_broken_yaml_quotes_nothing_of_the_file() -> None:
    assert "(line 4)" in refusal(b'users:\n- user:\n    token: "secret-token\n')


def test_nested_aliases_explode_nothing() -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert "aliases" in refusal(f"l0: &l0 [x]\n{layers}".encode())


@pytest.mark.rule("C16")
def test_the_largest_kubeconfig_has_ten_megabytes() -> None:
    data = kubeconfigs.text()
    padded = data + b"#" * (MAX_BYTES - len(data))
    assert parse(padded, STRICT).server == kubeconfigs.SERVER
    assert "larger than 10 MB" in refusal(padded + b"#")


def test_secrets_are_not_shown() -> None:
    certificate, key = kubeconfigs.client_pair()
    found = parse(kubeconfigs.text(user={"client-certificate-data": certificate, "client-key-data": key}), STRICT)
    assert "secret-token" not in repr(found)
    assert "PRIVATE KEY" not in repr(found)


def test_no_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOADER", yaml.BaseLoader)  # the one for machines without libyaml
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    certificate, key = kubeconfigs.client_pair()
    for _ in range(3):
        parse(kubeconfigs.text(user={"client-certificate-data": certificate, "client-key-data": key}), STRICT)
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_tells_credentials_apart() -> None:
    one = parse(kubeconfigs.text(), STRICT)
    assert one.fingerprint == parse(b"# a comment\n" + kubeconfigs.text(), STRICT).fingerprint
    assert one.fingerprint != parse(kubeconfigs.text(user={"token": "other"}), STRICT).fingerprint
    assert ClusterCredentials("a", ca="b").fingerprint != ClusterCredentials("a", token="b").fingerprint


def taken_or_refused(data: bytes) -> None:
    try:
        message = parse(data, STRICT).server
    except KubeconfigRefused as refused:
        message = str(refused)
    assert 0 < len(message) < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["server", "token", "exec", "tokenFile", "certificate-authority-data", "client-key-data", "proxy-url", "extensions",
     "client-certificate-data", "insecure-skip-tls-verify", "tls-server-name", "as"]
)  # fmt: skip


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(data: bytes) -> None:
    taken_or_refused(data)


@given(st.text(alphabet="{}[]:-&*!|>'\"# \n\tab0~?%@", max_size=200))
def test_any_yaml_like_text_is_taken_or_refused(text: str) -> None:
    taken_or_refused(text.encode())


@given(st.dictionaries(FIELDS, JSON), st.dictionaries(FIELDS, JSON), JSON, JSON)
def test_any_content_of_a_kubeconfig_is_taken_or_refused(
    cluster: dict[str, Any], user: dict[str, Any], contexts: Any, context: Any
) -> None:
    taken_or_refused(kubeconfigs.text(cluster, user))
    taken_or_refused(kubeconfigs.text(contexts=contexts))
    taken_or_refused(kubeconfigs.text(contexts=[{"name": "x", "context": context}]))


@given(st.data())
def test_any_damage_is_taken_or_refused(data: st.DataObject) -> None:
    whole = kubeconfigs.text()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    taken_or_refused(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:])
