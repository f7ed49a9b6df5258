"""Settings of TLS, authentication, authorisation and the audit trail."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from cmf_hub.settings.group import Cmf, Group, OptionalPath

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms of signatures with a public key: who can verify such a token cannot make one."""

_CONFIG = "cmf.authentication.config"
_ISSUER, _KEY = "CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_ISSUER", "CMF_AUTHENTICATION_PUBLIC_KEY_PATH"


class Security(Group):
    """Security."""

    ssl_certificate: OptionalPath = None
    """PEM file of the server's certificate, with those between it and its authority. Set: the hub speaks https only.
    This file, its key and the trusted authorities are read anew when they change."""

    ssl_certificate_private_key: OptionalPath = None
    """PEM file of its key, not encrypted; default: in the certificate's file."""

    ssl_trust_certificate: OptionalPath = None
    """PEM file of the authorities that sign clients' certificates."""

    ssl_client_auth: Annotated[Literal["none", "want", "need"], Cmf("cmf.ssl.client-auth")] = "none"
    """Whether clients may (want) or must (need) show a certificate. With need, health checks need one too."""

    ssl_principal_source: Literal["subject", "san"] = "subject"
    """What in a client's certificate is its name: the subject, or its one alternative name (URI, DNS or mail)."""

    ssl_principal_mapping_rules: str = "DEFAULT"
    """Rules that make a principal of that name, as in Kafka: `RULE:^CN=(.*?),.*$/$1/L,DEFAULT`. No rule fits: 401."""

    authentication_type: Annotated[Literal["none", "mtls", "oauth"], Cmf("cmf.authentication.type")] = "none"
    """How callers are known (E53): by client certificate, or by bearer token. none, as in CMF: everybody may do
    everything, and an Authorization header is ignored (D31)."""

    authentication_oauthbearer_jwks_endpoint_url: Annotated[str, Cmf(f"{_CONFIG}.oauthbearer.jwks.endpoint.url")] = ""
    """Where the issuer's public keys are: an http or https address, or a file."""

    authentication_oauthbearer_jwks_endpoint_refresh_seconds: float = Field(default=3600.0, gt=0)
    """Seconds after which these keys are fetched again; a key that is not known is looked for at once."""

    authentication_public_key_path: Annotated[OptionalPath, Cmf(f"{_CONFIG}.public.key.path")] = None
    """PEM file of the issuer's one public key, instead of such an address; read anew when it changes."""

    authentication_oauthbearer_expected_issuer: Annotated[
        str, Cmf(f"{_CONFIG}.oauthbearer.expected.issuer", f"{_CONFIG}.token.issuer")
    ] = ""
    """What a token's `iss` must be; needed for oauth."""

    authentication_oauthbearer_expected_audience: Annotated[str, Cmf(f"{_CONFIG}.oauthbearer.expected.audience")] = ""
    """What must be in a token's `aud`. Empty accepts tokens that the issuer made for others: set it."""

    authentication_oauthbearer_sub_claim_name: Annotated[str, Cmf(f"{_CONFIG}.oauthbearer.sub.claim.name")] = Field(
        default="sub", min_length=1
    )
    """Claim of a token that names the user."""

    authentication_oauthbearer_groups_claim_name: Annotated[str, Cmf(f"{_CONFIG}.oauthbearer.groups.claim.name")] = (
        "groups"
    )
    """Claim of a token with the user's groups: a list, or one name; empty for none."""

    authentication_oauthbearer_algorithms: str = "RS256,ES256"
    """Algorithms of signatures that are accepted, separated by commas; only ones with a public key."""

    authentication_oauthbearer_clock_skew_seconds: float = Field(default=30.0, ge=0, le=600)
    """Seconds that the clocks of issuer and hub may differ."""

    authentication_ca: OptionalPath = None
    """PEM file of the authorities of the token issuer's and the metadata service's addresses; default: the system's."""

    authentication_request_timeout_seconds: float = Field(default=5.0, gt=0)
    """Seconds that a request to the token issuer or the metadata service may take."""

    authorization_type: Literal["none", "file", "mds"] = "none"
    """Who says what callers may do: role bindings in a file, or a metadata service. none: who is known may do
    everything."""

    super_users: str = ""
    """Principals that may do everything, separated by semicolons: `User:admin;Group:operators`."""

    authorization_role_bindings_file: OptionalPath = None
    """YAML file with role bindings (docs/security.md), read anew when it changes."""

    authorization_mds_endpoint: Annotated[str, Cmf("cmf.authorization.mdsRestConfig.endpoint")] = ""
    """Address of the metadata service."""

    authorization_mds_cache_seconds: float = Field(default=30.0, ge=0, le=3600)
    """Seconds for which an answer of the metadata service holds; a right that is taken away lives on for so long."""

    authorization_mds_token_file: OptionalPath = None
    """File with the bearer token by which the hub shows the metadata service who it is (E55)."""

    authorization_mds_user: str = ""
    """User for basic authentication there, where there is no token."""

    authorization_mds_password: SecretStr | None = None
    """Password of this user."""

    authorization_mds_certificate: OptionalPath = None
    """PEM file of the hub's client certificate there."""

    authorization_mds_certificate_key: OptionalPath = None
    """PEM file of its key; default: in the certificate's file."""

    audit_file: OptionalPath = None
    """File for the audit trail, made if it is not there; unset: in the log, by the logger cmf_hub.audit."""

    @field_validator("authentication_oauthbearer_algorithms")
    @classmethod
    def _asymmetric(cls, text: str) -> str:
        unknown = [name for name in split(text, ",") if name not in ALGORITHMS]
        if unknown or not split(text, ","):
            raise ValueError(f"only {', '.join(ALGORITHMS)} are accepted")
        return text

    @field_validator("super_users")
    @classmethod
    def _principals(cls, text: str) -> str:
        if any(not name.startswith(("User:", "Group:")) for name in split(text, ";")):
            raise ValueError("each is User:NAME or Group:NAME, separated by semicolons")
        return text

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for wrong, message, names in self._contradictions():
            if wrong:
                raise PydanticCustomError("settings", "{message}", {"message": message, "settings": names})
        return self

    def _contradictions(self) -> list[tuple[bool, str, list[str]]]:
        mtls, oauth = self.authentication_type == "mtls", self.authentication_type == "oauth"
        keys = [self.authentication_oauthbearer_jwks_endpoint_url, self.authentication_public_key_path]
        return [
            (
                self.ssl_client_auth != "none" and not (self.ssl_certificate and self.ssl_trust_certificate),
                "Client certificates need CMF_SSL_CERTIFICATE and CMF_SSL_TRUST_CERTIFICATE",
                ["ssl_client_auth"],
            ),
            (
                mtls and self.ssl_client_auth == "none",
                "mtls needs client certificates: set CMF_SSL_CLIENT_AUTH to need, or want",
                ["authentication_type", "ssl_client_auth"],
            ),
            (
                oauth and (sum(map(bool, keys)) != 1 or not self.authentication_oauthbearer_expected_issuer),
                f"oauth needs {_ISSUER}, and either CMF_AUTHENTICATION_OAUTHBEARER_JWKS_ENDPOINT_URL or {_KEY}",
                ["authentication_type"],
            ),
            (
                self.authorization_type != "none" and self.authentication_type == "none",
                "Authorisation needs to know who calls: set CMF_AUTHENTICATION_TYPE too",
                ["authorization_type", "authentication_type"],
            ),
            (
                self.authorization_type == "file" and not self.authorization_role_bindings_file,
                "Role bindings need a file: set CMF_AUTHORIZATION_ROLE_BINDINGS_FILE",
                ["authorization_type"],
            ),
            (
                self.authorization_type == "mds"
                and not self.authorization_mds_endpoint.startswith(("http://", "https://")),
                "The metadata service needs an address: set CMF_AUTHORIZATION_MDS_ENDPOINT to one",
                ["authorization_type", "authorization_mds_endpoint"],
            ),
        ]


def split(text: str, separator: str) -> tuple[str, ...]:
    """Return the parts of a list in a text, without empty ones."""
    return tuple(part.strip() for part in text.split(separator) if part.strip())
