"""Reading kubeconfigs: deny by default, because a kubeconfig can be a program.

Kubernetes' own loaders run the commands that a kubeconfig names, read the files that it points to, and
connect to wherever it says, all as the hub. This reader takes what is listed here and refuses the rest
with a sentence that says why and what to do. It opens nothing and starts nothing.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import yaml
from cmf_core.errors import BadRequest
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from cmf_hub.clusters.credentials import ClusterCredentials

MAX_BYTES = 10 * 1024 * 1024
"""Largest kubeconfig (C16)."""

_MAX_DEPTH = 20
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Every scalar stays text: YAML's numbers, dates and tags have no use here, and their parsing can fail."""

_SELF_CONTAINED = "make a self-contained kubeconfig, with `kubectl config view --raw --minify --flatten`"
_SERVICE_ACCOUNT = "use the token or the client certificate of a service account instead"
_REASONS = {
    "exec": f"it would run a command as the hub: {_SERVICE_ACCOUNT}",
    "auth-provider": f"it would run a command or call another server as the hub: {_SERVICE_ACCOUNT}",
    "tokenFile": f"it would send a file of the hub's machine to the server: {_SELF_CONTAINED}",
    "client-certificate": f"it is a path on another machine: {_SELF_CONTAINED}",
    "client-key": f"it is a path on another machine: {_SELF_CONTAINED}",
    "certificate-authority": f"it is a path on another machine: {_SELF_CONTAINED}",
    "username": f"Kubernetes has no passwords since 1.19: {_SERVICE_ACCOUNT}",
    "password": f"Kubernetes has no passwords since 1.19: {_SERVICE_ACCOUNT}",
    "as": "impersonation is not supported: use a user with the rights that the hub needs",
}
_INSECURE = (
    "insecure-skip-tls-verify would trust any server: give the server's authority in certificate-authority-data, or "
    "allow it for all clusters with CMF_K8S_KUBECONFIG_ALLOW_INSECURE_TLS=true"
)
_PROXY = (
    "proxy-url would send everything through another server: remove it, or allow proxies for all clusters with "
    "CMF_K8S_KUBECONFIG_ALLOW_PROXY=true"
)

T = TypeVar("T", bound=BaseModel)


class KubeconfigRefused(BadRequest):
    """A kubeconfig that the hub does not take. The text has the reason and the way out, and no secret."""


@dataclass(frozen=True)
class Policy:
    """What else a kubeconfig may say; both are settings for the whole hub.

    Attributes:
        allow_insecure_tls: take `insecure-skip-tls-verify`.
        allow_proxy: take `proxy-url`.
    """

    allow_insecure_tls: bool = False
    allow_proxy: bool = False


def _nothing(value: object) -> object:
    return None if value in ("", "null", "~") else value


def _pem(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        text = base64.b64decode("".join(value.split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise ValueError("is not base64 text") from None
    if "-----BEGIN " not in text:
        raise ValueError("is not a PEM file in base64")
    return text


def _token(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[\x21-\x7e]+", value):
        raise ValueError("has characters that no token has")
    return value


Text = Annotated[str | None, BeforeValidator(_nothing)]
Pem = Annotated[str | None, BeforeValidator(_pem), BeforeValidator(_nothing)]
Token = Annotated[str | None, BeforeValidator(_token), BeforeValidator(_nothing)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", alias_generator=lambda name: name.replace("_", "-"), hide_input_in_errors=True
    )
    extensions: Any = None


class _Cluster(_Part):
    server: str
    certificate_authority_data: Pem = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: Text = None
    proxy_url: Text = None
    disable_compression: Any = None


class _User(_Part):
    client_certificate_data: Pem = None
    client_key_data: Pem = None
    token: Token = None


class _Context(_Part):
    cluster: str
    user: str
    namespace: Any = None


def parse(data: bytes, policy: Policy) -> ClusterCredentials:
    """Return the credentials of a kubeconfig's current context.

    Raises:
        KubeconfigRefused: it is too large, not a kubeconfig, or says something that the hub does not do.
    """
    if len(data) > MAX_BYTES:
        raise KubeconfigRefused(f"it is larger than {MAX_BYTES // 1024**2} MB: remove what the hub does not need")
    document = _document(data)
    if document.get("kind", "Config") != "Config":
        raise KubeconfigRefused("its kind is not Config: this is not a kubeconfig")
    current = document.get("current-context")
    if not isinstance(current, str) or not _nothing(current):
        raise KubeconfigRefused("it has no current-context: choose one with `kubectl config use-context`")
    context = _part(_Context, document, "contexts", "context", current)
    cluster = _part(_Cluster, document, "clusters", "cluster", context.cluster)
    user = _part(_User, document, "users", "user", context.user)
    return _credentials(cluster, user, policy)


def _credentials(cluster: _Cluster, user: _User, policy: Policy) -> ClusterCredentials:
    _check_server(cluster.server)
    if cluster.insecure_skip_tls_verify and not policy.allow_insecure_tls:
        raise KubeconfigRefused(_INSECURE)
    if cluster.proxy_url is not None:
        if not policy.allow_proxy:
            raise KubeconfigRefused(_PROXY)
        _check_url("proxy-url", cluster.proxy_url, ("http", "https"))
    if (user.client_certificate_data is None) != (user.client_key_data is None):
        raise KubeconfigRefused("client-certificate-data and client-key-data go together: give both or none")
    if user.client_certificate_data is None and user.token is None:
        raise KubeconfigRefused("its user has no credentials: give a token, or a client certificate and its key")
    credentials = ClusterCredentials(
        server=cluster.server.rstrip("/"),
        ca=cluster.certificate_authority_data,
        client_certificate=user.client_certificate_data,
        client_key=user.client_key_data,
        token=user.token,
        tls_server_name=cluster.tls_server_name,
        verify=not cluster.insecure_skip_tls_verify,
        proxy_url=cluster.proxy_url,
    )
    try:
        credentials.check()
    except ValueError as error:
        raise KubeconfigRefused(str(error)) from error
    return credentials


def _document(data: bytes) -> dict[str, Any]:
    """Return the YAML mapping; aliases and deep nesting are refused before anything is built."""
    try:
        text = data.decode("utf-8")
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                raise KubeconfigRefused("it has YAML aliases, which can hide its size: write them out")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise KubeconfigRefused(f"it is nested deeper than {_MAX_DEPTH} levels: this is not a kubeconfig")
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - the base loader builds text, lists and dicts only
    except UnicodeDecodeError as error:
        raise KubeconfigRefused("it is not UTF-8 text") from error
    except yaml.YAMLError as error:
        # The error's own text quotes the file, and so perhaps a key.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise KubeconfigRefused(f"it is not YAML{where}: it may be incomplete or damaged") from None
    if not isinstance(document, dict):
        raise KubeconfigRefused("it is not a YAML mapping: it may be empty or incomplete")
    return document


def _part(model: type[T], document: dict[str, Any], plural: str, singular: str, name: str) -> T:
    """Return the part of the kubeconfig with this name; parts that are not used are not looked at."""
    entries = document.get(plural)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == name:
            try:
                return model.model_validate(entry.get(singular))
            except ValidationError as error:
                raise KubeconfigRefused(_sentence(singular, error)) from None
    raise KubeconfigRefused(f"it names a {singular} that is not in its {plural}")


def _sentence(singular: str, error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = str(detail["loc"][0])[:100] if detail["loc"] else ""
    if detail["type"] != "extra_forbidden":
        problem = detail["msg"].removeprefix("Value error, ")
        return f"its {singular} is not valid: {field} {problem[:1].lower()}{problem[1:]}".replace("  ", " ")
    base = "as" if field.startswith("as-") else field
    return f"its {singular} has '{field}', which the hub refuses: {_REASONS.get(base, 'the hub does not know it')}"


def _check_server(server: str) -> None:
    host = _check_url("server", server, ("https",))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise KubeconfigRefused(f"its server {address} is a link-local, multicast or unspecified address")


def _check_url(field: str, url: str, schemes: tuple[str, ...]) -> str:
    """Return the host of a plain URL."""
    try:
        parts = urlsplit(url)
        host, plain = parts.hostname, not (parts.username or parts.password or parts.query or parts.fragment)
        valid = parts.scheme in schemes and plain and parts.port != 0
    except ValueError:
        host, valid = None, False
    if not valid or not host or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise KubeconfigRefused(f"its {field} is not a plain {' or '.join(schemes)} URL")
    return host
