"""All of a hub's security as its settings want it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import structlog

from cmf_hub.auth import web
from cmf_hub.auth.bindings import Authorizer, RoleBindings
from cmf_hub.auth.certificates import CertificateAuthenticator
from cmf_hub.auth.endpoint import EndpointKeys
from cmf_hub.auth.files import WatchedFiles
from cmf_hub.auth.keys import FileKeys, KeySource
from cmf_hub.auth.mapping import PrincipalMapping
from cmf_hub.auth.metadata_service import HubCredentials, MetadataService
from cmf_hub.auth.principal import Principal
from cmf_hub.auth.tls import ServerTls
from cmf_hub.auth.tokens import TokenAuthenticator
from cmf_hub.clock import Clock
from cmf_hub.settings import Settings, SettingsError
from cmf_hub.settings.security import split

log = structlog.get_logger(__name__)


class Authenticator(Protocol):
    """Whoever knows callers by their credentials."""

    @property
    def challenge(self) -> str:
        """Scheme for `WWW-Authenticate`."""
        ...

    async def principal(self, scope: MutableMapping[str, Any]) -> Principal:
        """Return who sends a request.

        Raises:
            Unauthorized: nobody whom it knows.
            ServiceUnavailable: it cannot find out.
        """
        ...


class Security:
    """Authentication and authorisation of one hub.

    Attributes:
        authenticator: None while authentication is off: then nothing is asked of callers (D31).
        authorizer: None while authorisation is off: then who is known may do everything.
        super_users: principals that may do everything.
    """

    authenticator: Authenticator | None = None
    authorizer: Authorizer | None = None

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._files: list[WatchedFiles] = []
        self._closing = AsyncExitStack()
        self.super_users = frozenset(split(settings.super_users, ";"))
        if settings.authentication_type == "mtls":
            mapping = _mapping(settings)
            self.authenticator = CertificateAuthenticator(mapping, settings.ssl_principal_source)
        elif settings.authentication_type == "oauth":
            self.authenticator = self._tokens(settings)
        if settings.authorization_type == "file":
            self.authorizer = self._bindings(settings)
        elif settings.authorization_type == "mds":
            self.authorizer = self._metadata_service(settings)

    def is_super_user(self, principal: Principal) -> bool:
        """Return whether a principal may do everything."""
        return not self.super_users.isdisjoint(principal.names)

    async def start(self) -> None:
        """Follow the files from now on."""
        tasks = [asyncio.create_task(files.follow(self._clock)) for files in self._files]

        async def stop() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._closing.push_async_callback(stop)

    async def stop(self) -> None:
        """End what was begun."""
        await self._closing.aclose()

    def follow(self, tls: ServerTls) -> None:
        """Have the server's TLS files followed too."""
        self._files.append(tls.files)

    def _tokens(self, settings: Settings) -> TokenAuthenticator:
        keys: KeySource
        url = settings.authentication_oauthbearer_jwks_endpoint_url
        if settings.authentication_public_key_path is not None:
            keys = self._file_keys(settings.authentication_public_key_path)
        elif url.startswith(("http://", "https://")):
            tls = _client_tls(settings)
            refresh = settings.authentication_oauthbearer_jwks_endpoint_refresh_seconds
            keys = endpoint = EndpointKeys(
                url, refresh, settings.authentication_request_timeout_seconds, tls, self._clock
            )
            self._closing.push_async_callback(endpoint.close)
        else:
            keys = self._file_keys(Path(url.removeprefix("file://")))
        if not settings.authentication_oauthbearer_expected_audience:
            log.warning("tokens that the issuer made for others are accepted too: set an expected audience")
        if settings.ssl_certificate is None:
            log.warning("the hub speaks http: bearer tokens are in the clear, unless a proxy before it speaks https")
        return TokenAuthenticator(
            keys,
            issuer=settings.authentication_oauthbearer_expected_issuer,
            audience=settings.authentication_oauthbearer_expected_audience,
            subject=settings.authentication_oauthbearer_sub_claim_name,
            groups=settings.authentication_oauthbearer_groups_claim_name,
            algorithms=split(settings.authentication_oauthbearer_algorithms, ","),
            leeway=settings.authentication_oauthbearer_clock_skew_seconds,
        )

    def _file_keys(self, path: Path) -> FileKeys:
        keys = FileKeys()
        self._load(WatchedFiles("the public keys for tokens", [path], keys.use), path)
        return keys

    def _bindings(self, settings: Settings) -> RoleBindings:
        bindings = RoleBindings()
        path = settings.authorization_role_bindings_file
        assert path is not None, "the settings have been checked"
        self._load(WatchedFiles("the role bindings", [path], bindings.use), path)
        return bindings

    def _load(self, files: WatchedFiles, path: Path) -> None:
        try:
            files.load()
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path} cannot be used: {error}") from error
        self._files.append(files)

    def _metadata_service(self, settings: Settings) -> MetadataService:
        password = settings.authorization_mds_password
        credentials = HubCredentials(
            settings.authorization_mds_token_file,
            settings.authorization_mds_user,
            password.get_secret_value() if password is not None else "",
        )
        service = MetadataService(
            settings.authorization_mds_endpoint,
            credentials,
            settings.authentication_request_timeout_seconds,
            settings.authorization_mds_cache_seconds,
            _client_tls(settings, settings.authorization_mds_certificate, settings.authorization_mds_certificate_key),
            self._clock,
        )
        self._closing.push_async_callback(service.close)
        log.info(
            "permissions are asked of the metadata service",
            url=settings.authorization_mds_endpoint,
            by=repr(credentials),
        )
        return service


def server_tls(settings: Settings) -> ServerTls | None:
    """Return TLS for the hub's server; None without a certificate.

    Raises:
        SettingsError: a file cannot be used.
    """
    if settings.ssl_certificate is None:
        return None
    key = settings.ssl_certificate_private_key or settings.ssl_certificate
    try:
        tls = ServerTls(settings.ssl_certificate, key, settings.ssl_trust_certificate, settings.ssl_client_auth)
        tls.files.load()
    except (OSError, ValueError) as error:
        raise SettingsError(f"The TLS files cannot be used (CMF_SSL_...): {error}") from error
    return tls


def _mapping(settings: Settings) -> PrincipalMapping:
    try:
        return PrincipalMapping(settings.ssl_principal_mapping_rules)
    except ValueError as error:
        raise SettingsError(f"CMF_SSL_PRINCIPAL_MAPPING_RULES: {error}") from error


def _client_tls(settings: Settings, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    try:
        return web.client_tls(settings.authentication_ca, certificate, key)
    except OSError as error:
        raise SettingsError(
            f"CMF_AUTHENTICATION_CA or CMF_AUTHORIZATION_MDS_CERTIFICATE cannot be used: {error}"
        ) from error
