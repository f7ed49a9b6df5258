"""Bearer tokens against a real hub: who gets in, and every trick that must not."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.api_jws import PyJWS

from tests.support.hub import V1, Hub, message
from tests.support.issuer import Issuer, bearer, rsa_key
from tests.support.wait import wait_for

SETTINGS = {
    "CMF_AUTHENTICATION_TYPE": "oauth",
    "CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_ISSUER": "https://issuer.example",
    "CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_AUDIENCE": "cmf",
    "CMF_AUTHENTICATION_OAUTHBEARER_CLOCK_SKEW_SECONDS": "5",
}
PATH = f"{V1}/environments"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.keys["second"] = ec.generate_private_key(ec.SECP256R1())
    with issuer.serve():
        yield issuer


@pytest.fixture(scope="module")
def hub(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    running = Hub(
        tmp_path_factory.mktemp("hub"), {**SETTINGS, "CMF_AUTHENTICATION_OAUTHBEARER_JWKS_ENDPOINT_URL": issuer.url}
    )
    running.start()
    yield running
    running.stop()


def refused(hub: Hub, token: str | bytes, said: str = "") -> None:
    value = token if isinstance(token, bytes) else token.encode()
    answer = hub.http.get(PATH, headers=[(b"Authorization", b"Bearer " + value)])
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cmf"'
    assert said in message(answer)


@pytest.mark.rule("E52", "E53")
def test_a_token_lets_in_and_nothing_else_does(hub: Hub, issuer: Issuer) -> None:
    assert hub.http.get(PATH, headers=bearer(issuer.token())).status_code == 200
    assert hub.http.get(PATH, headers=bearer(issuer.token(kid="second", algorithm="ES256"))).status_code == 200
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        for path in (PATH, f"{V1}/secrets/abcd", "/metrics", "/nothing", f"{V1}/environments/a%2Fb", "//healthz"):
            assert hub.http.request(method, path).status_code == 401, (method, path)
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert hub.http.get(path).status_code == 200, path


@pytest.mark.rule("E53")
def test_a_401_has_the_shape_of_all_errors_in_yaml_too(hub: Hub) -> None:
    answer = hub.http.get(PATH, headers={"Accept": "application/yaml"})
    assert answer.status_code == 401
    assert answer.text.startswith("errors:\n- message: ")
    assert hub.http.get(PATH, headers={"Accept": "text/html"}).status_code == 401


@pytest.mark.rule("E53")
def test_claims_have_to_be_right(hub: Hub, issuer: Issuer) -> None:
    now = int(time.time())
    for claims, said in (
        ({"iss": "https://other.example"}, "not from the issuer"),
        ({"iss": None}, "not from the issuer"),
        ({"aud": "other"}, "not for the audience"),
        ({"aud": ["other", "another"]}, "not for the audience"),
        ({"aud": None}, "not for the audience"),
        ({"exp": now - 60}, "has expired"),
        ({"exp": None}, "not from the issuer, or"),
        ({"exp": "never"}, "not one that can be verified"),
        ({"nbf": now + 60}, "not valid yet"),
        ({"iat": now + 60}, "not valid yet"),
        ({"sub": None}, "no name"),
        ({"sub": ""}, "no name"),
        ({"sub": " "}, "no name"),
        ({"sub": "a\nb"}, "no name"),
        ({"sub": "a" * 2000}, "no name"),
    ):
        refused(hub, _with(issuer, claims), said)
    assert hub.http.get(PATH, headers=bearer(issuer.token(exp=now - 2))).status_code == 200, "within the leeway"
    assert hub.http.get(PATH, headers=bearer(issuer.token(aud=["other", "cmf"]))).status_code == 200


def _with(issuer: Issuer, claims: dict[str, Any]) -> str:
    whole = {"iss": issuer.name, "sub": "alice", "aud": "cmf", "exp": int(time.time()) + 300, **claims}
    kept = {name: value for name, value in whole.items() if value is not None}
    return PyJWS().encode(json.dumps(kept).encode(), issuer.keys["first"], "RS256", {"kid": "first"})


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.rule("E53")
def test_signatures_have_to_be_right(hub: Hub, issuer: Issuer) -> None:
    good = issuer.token()
    head, body, signature = good.split(".")
    unsigned = _part({"alg": "none", "typ": "JWT"})
    for none in ("none", "None", "NONE", "nOnE"):
        refused(hub, f"{_part({'alg': none})}.{body}.", "algorithm")
        refused(hub, f"{_part({'alg': none, 'kid': 'first'})}.{body}.{signature}", "algorithm")
    refused(hub, f"{unsigned}.{body}")
    refused(hub, f"{head}.{body}.", "signature")
    refused(hub, f"{head}.{body}.{signature[:-8]}AAAAAAAA", "signature")
    refused(hub, f"{head}.{_part({'sub': 'root', 'iss': issuer.name, 'aud': 'cmf', 'exp': 9999999999})}.{signature}")
    refused(hub, issuer.token(key=rsa_key()), "signature")
    public: Any = issuer.keys["first"].public_key()
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        forged = _hmac(public.public_bytes(Encoding.PEM, form), issuer)
        refused(hub, forged, "algorithm")
    refused(hub, issuer.token(algorithm="RS512"), "algorithm")
    refused(
        hub, issuer.token(kid="first", key=issuer.keys["second"], algorithm="ES256"), "not one that can be verified"
    )


def _hmac(secret: bytes, issuer: Issuer) -> str:
    claims = {"sub": "root", "iss": issuer.name, "aud": "cmf", "exp": 9999999999}
    signed = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(claims)}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.rule("E53")
def test_headers_of_a_token_choose_no_key_of_the_callers(hub: Hub, issuer: Issuer) -> None:
    evil = Issuer()
    with evil.serve():
        own = evil.key_set()["keys"][0]
        for headers in (
            {"jku": evil.url},
            {"x5u": evil.url},
            {"jwk": own},
            {"x5c": ["MIIB"]},
            {"kid": "../../../../etc/passwd"},
            {"kid": evil.url},
            {"kid": "' OR 1=1"},
        ):
            refused(hub, evil.token(headers=headers))
        assert evil.requests == 0
    refused(hub, f"{_part({'alg': 'RS256', 'kid': ['first']})}.e30.e30")
    refused(hub, f"{_part({'alg': 'RS256', 'kid': {'a': 1}})}.e30.e30")
    refused(hub, f"{_part({'alg': ['RS256']})}.e30.e30")
    refused(hub, f"{_part({'alg': 'RS256', 'crit': ['exp'], 'exp': 1, 'kid': 'first'})}.e30.e30")
    refused(hub, f"{_part([1])}.e30.e30")
    assert hub.http.get(PATH, headers=bearer(issuer.token(headers={"jku": evil.url}))).status_code == 200


@pytest.mark.rule("E53")
def test_what_is_no_token_is_refused(hub: Hub, issuer: Issuer) -> None:
    for text in (
        "",
        " ",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "." * 1000,
        "\xff\xfe",
        "Bearer",
        "e30.e30.e30",
        "[" * 9000,
    ):
        assert _raw(hub, [(b"Authorization", b"Bearer " + text.encode("latin-1"))]) == 401, text
    refused(hub, "a" * 20_000, "too long")
    refused(hub, f"{_part({'alg': 'RS256', 'kid': 'first', 'x': 'y' * 20_000})}.e30.e30", "too long")
    good = issuer.token().encode()
    for value in (b"Basic " + good, good, b"bearer", b"Token " + good, b"Bearer\x00 " + good):
        answer = _raw(hub, [(b"Authorization", value)])
        assert answer in (400, 401), value
    assert _raw(hub, [(b"Authorization", b"bEARER  " + good + b" ")]) == 200
    assert _raw(hub, [(b"Authorization", b"Bearer " + good), (b"Authorization", b"Bearer " + good)]) == 401
    assert _raw(hub, [(b"Authorization", b"Bearer wrong"), (b"AUTHORIZATION", b"Bearer " + good)]) == 401
    assert _raw(hub, [(b"Proxy-Authorization", b"Bearer " + good)]) == 401
    assert _raw(hub, [(b"X-Forwarded-User", b"admin"), (b"X-Forwarded-Client-Cert", b"Subject=admin")]) == 401
    assert hub.http.get(f"{PATH}?access_token={issuer.token()}").status_code == 401


def _raw(hub: Hub, headers: list[tuple[bytes, bytes]]) -> int:
    with socket.create_connection(("127.0.0.1", int(hub.settings["CMF_PORT"]))) as connection:
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n".encode() + lines + b"\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


def test_endless_headers_are_not_collected(hub: Hub) -> None:
    assert _raw(hub, [(b"X-Filler-%d" % number, b"x" * 1000) for number in range(100)]) == 400
    assert hub.http.get("/healthz").status_code == 200


@pytest.mark.rule("E53")
def test_keys_are_rotated_and_strangers_do_not_make_the_hub_fetch(tmp_path: Path) -> None:
    issuer = Issuer()
    with issuer.serve():
        hub = Hub(tmp_path, {**SETTINGS, "CMF_AUTHENTICATION_OAUTHBEARER_JWKS_ENDPOINT_URL": issuer.url})
        hub.start()
        try:
            assert hub.http.get(PATH, headers=bearer(issuer.token())).status_code == 200
            assert issuer.requests == 1
            stranger = rsa_key()
            for number in range(50):
                refused(hub, issuer.token(headers={"kid": f"unknown-{number}"}, key=stranger))
            assert issuer.requests <= 2, "one fetch for the first, none for the flood"
            issuer.keys = {"next": rsa_key()}
            new = issuer.token(kid="next")
            wait_for(lambda: hub.http.get(PATH, headers=bearer(new)).status_code == 200, "the new key to be known", 30)
            assert issuer.requests <= 4
        finally:
            hub.stop()


@pytest.mark.rule("E53")
def test_an_issuer_that_does_not_answer_is_503_not_401(tmp_path: Path) -> None:
    issuer = Issuer()
    issuer.broken = True
    with issuer.serve():
        hub = Hub(tmp_path, {**SETTINGS, "CMF_AUTHENTICATION_OAUTHBEARER_JWKS_ENDPOINT_URL": issuer.url})
        hub.start()
        try:
            answer = hub.http.get(PATH, headers=bearer(issuer.token()))
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            issuer.broken = False
            token = issuer.token()
            wait_for(lambda: hub.http.get(PATH, headers=bearer(token)).status_code == 200, "the keys to be fetched", 30)
        finally:
            hub.stop()


@pytest.mark.rule("E53")
def test_a_public_key_from_a_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    issuer = Issuer()
    file = tmp_path / "key.pem"

    def write(key: Any) -> None:
        file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    write(issuer.keys["first"])
    hub = Hub(tmp_path / "hub", {**SETTINGS, "CMF_AUTHENTICATION_PUBLIC_KEY_PATH": str(file)})
    hub.start()
    try:
        old = issuer.token()
        assert hub.http.get(PATH, headers=bearer(old)).status_code == 200
        issuer.keys["first"] = rsa_key()
        write(issuer.keys["first"])
        wait_for(
            lambda: hub.http.get(PATH, headers=bearer(issuer.token())).status_code == 200, "the new key to be read"
        )
        refused(hub, issuer.token(kid=None, key=rsa_key()))
    finally:
        hub.stop()


@pytest.mark.rule("D31", "E53")
def test_without_authentication_a_token_is_ignored(tmp_path: Path) -> None:
    hub = Hub(tmp_path, {})
    hub.start()
    try:
        assert hub.http.get(PATH, headers=bearer("nonsense")).status_code == 200
        assert hub.http.get(PATH, headers=bearer(Issuer().token())).status_code == 200
    finally:
        hub.stop()
