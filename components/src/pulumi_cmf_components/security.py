"""Security in one argument: who may reach a hub, who they are, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Required, TypedDict

import yaml

from pulumi_cmf_components.certificates import STORE_PASSWORD

TLS_FOLDER, ROLES_FOLDER = "/etc/cmf/tls", "/etc/cmf/roles"
ROLES_FILE = "roles.yaml"
_JWKS = "authentication_oauthbearer"


class CertManager(TypedDict, total=False):
    """An issuer of cert-manager."""

    issuer: Required[str]
    kind: Literal["Issuer", "ClusterIssuer"]
    """Default: ClusterIssuer."""


class Given(TypedDict):
    """Certificates that are there."""

    secret: str
    """Secret with `tls.crt`, `tls.key` and `ca.crt`; for Confluent's CMF also `keystore.p12` and `truststore.p12`."""


class OAuth(TypedDict, total=False):
    """Whose bearer tokens are taken."""

    jwks_url: Required[str]
    """Address of the issuer's keys."""
    issuer: Required[str]
    """What a token's `iss` must be."""
    audience: str
    """What must be in its `aud`. Without, tokens that were made for others are good here too."""
    user_claim: str
    """Default: sub."""
    groups_claim: str
    """Default: groups."""


class RoleResource(TypedDict, total=False):
    """What a role is on."""

    type: Required[str]
    """Such as FlinkApplication."""
    name: Required[str]
    """Its name, its beginning with `prefixed`, or `*`."""
    prefixed: bool


class RoleBinding(TypedDict, total=False):
    """A role of a user or team."""

    principal: Required[str]
    """`User:alice` or `Group:payments`."""
    role: Required[str]
    """Such as DeveloperManage."""
    environment: str
    """The environment in which; `*` for every one. Default: the whole installation."""
    resources: Sequence[RoleResource]
    """On what; all of it if left out, where the role goes with that."""


class Security(TypedDict, total=False):
    """Security of a hub. What is left out is off, as it is by default in CMF."""

    certificates: Required[Literal["development"] | CertManager | Given]
    """The hub's own: `development` makes an authority in the stack; else cert-manager's, or those of a Secret."""
    mtls: bool
    """Callers show certificates of the same authority."""
    principal_mapping_rules: str
    """From the name in a certificate to a user, as in Kafka. Default: `CN=alice` is `User:alice`."""
    oauth: OAuth
    """Callers show tokens, instead."""
    hosts: Sequence[str]
    """More names of the hub, such as that of its ingress, for its certificate."""
    super_users: Sequence[str]
    """Principals that may do everything. Name Pulumi's own among them, or give it a role."""
    role_bindings: Sequence[RoleBinding]
    """Who else may do what (our hub; Confluent's CMF has them in its metadata service)."""


def check(where: str, security: Security) -> None:
    """Refuse what contradicts itself, or would leave everybody out.

    Raises:
        ValueError: the text says what and what to do.
    """
    if security.get("mtls") and security.get("oauth"):
        raise ValueError(f"{where}: mtls and oauth are two ways to know callers: keep one")
    known = security.get("mtls") or security.get("oauth")
    if (security.get("role_bindings") or security.get("super_users")) and not known:
        raise ValueError(f"{where}: roles need callers that are known: add mtls or oauth")
    if security.get("role_bindings") and not security.get("super_users"):
        raise ValueError(f"{where}: with roles, nobody may do everything unless super_users names somebody")


def settings(security: Security) -> dict[str, str]:
    """Return our hub's settings, by their environment variables (docs/settings.md)."""
    values = {"ssl_certificate": f"{TLS_FOLDER}/tls.crt", "ssl_certificate_private_key": f"{TLS_FOLDER}/tls.key"}
    if security.get("mtls"):
        rules = security.get("principal_mapping_rules") or "RULE:^CN=([^,]+).*$/$1/,DEFAULT"
        values |= {
            "authentication_type": "mtls",
            "ssl_trust_certificate": f"{TLS_FOLDER}/ca.crt",
            "ssl_client_auth": "want",  # the kubelet's probes have no certificate
            "ssl_principal_mapping_rules": rules,
        }
    oauth = security.get("oauth")
    if oauth:
        values |= {
            "authentication_type": "oauth",
            f"{_JWKS}_jwks_endpoint_url": oauth["jwks_url"],
            f"{_JWKS}_expected_issuer": oauth["issuer"],
            f"{_JWKS}_expected_audience": oauth.get("audience", ""),
            f"{_JWKS}_sub_claim_name": oauth.get("user_claim", "sub"),
            f"{_JWKS}_groups_claim_name": oauth.get("groups_claim", "groups"),
        }
    if security.get("super_users"):
        values["super_users"] = ";".join(security["super_users"])
    if security.get("role_bindings"):
        values |= {
            "authorization_type": "file",
            "authorization_role_bindings_file": f"{ROLES_FOLDER}/{ROLES_FILE}",
        }
    return {f"CMF_{name.upper()}": value for name, value in values.items() if value}


def roles(bindings: Sequence[RoleBinding]) -> str:
    """Return the file of role bindings that our hub reads (docs/security.md)."""
    written: list[dict[str, Any]] = []
    for binding in bindings:
        entry: dict[str, Any] = {"principal": binding["principal"], "role": binding["role"]}
        if binding.get("environment"):
            entry["flinkEnvironment"] = binding["environment"]
        if binding.get("resources"):
            entry["resources"] = [
                {"resourceType": each["type"], "name": each["name"]}
                | ({"patternType": "PREFIXED"} if each.get("prefixed") else {})
                for each in binding["resources"]
            ]
        written.append(entry)
    return yaml.safe_dump({"roleBindings": written}, sort_keys=False)


def confluent_values(security: Security) -> dict[str, Any]:
    """Return the values of Confluent's chart that mean the same (docs.confluent.io, CMF's authentication page)."""
    ssl: dict[str, Any] = {"keystore": f"{TLS_FOLDER}/keystore.p12", "keystore-password": STORE_PASSWORD}
    values: dict[str, Any] = {"ssl": ssl}
    if security.get("mtls"):
        ssl |= {"trust-store": f"{TLS_FOLDER}/truststore.p12", "trust-store-password": STORE_PASSWORD}
        ssl["client-auth"] = "need"
        values["authentication"] = {"type": "mtls"}
    oauth = security.get("oauth")
    if oauth:
        config = {
            "oauthbearer.jwks.endpoint.url": oauth["jwks_url"],
            "oauthbearer.expected.issuer": oauth["issuer"],
            "token.issuer": oauth["issuer"],
            "oauthbearer.sub.claim.name": oauth.get("user_claim", "sub"),
        }
        values["authentication"] = {"type": "oauth", "config": config}
    return {"cmf": values}
