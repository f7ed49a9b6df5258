"""Kubeconfigs for tests, good and bad, with certificates of an authority of their own."""

import base64
from functools import cache
from typing import Any

import trustme
import yaml

SERVER = "https://spoke.example:6443"


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def ca() -> str:
    return base64.b64encode(authority().cert_pem.bytes()).decode()


@cache
def client_pair() -> tuple[str, str]:
    issued = authority().issue_cert("hub@example.org")
    certificate, key = issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()
    return base64.b64encode(certificate).decode(), base64.b64encode(key).decode()


def document(
    cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **changed: Any
) -> dict[str, Any]:
    """A kubeconfig with a token; `cluster` and `user` add fields, None values remove them."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [
            {"name": "c", "cluster": _merged({"server": SERVER, "certificate-authority-data": ca()}, cluster)}
        ],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "default"}}],
        "current-context": "x",
        "users": [{"name": "u", "user": _merged({"token": "secret-token"}, user)}],
        **changed,
    }


def text(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **changed: Any) -> bytes:
    return yaml.safe_dump(document(cluster, user, **changed)).encode()


def _merged(base: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in {**base, **(changes or {})}.items() if value is not None}
