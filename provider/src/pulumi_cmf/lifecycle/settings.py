"""How the provider reaches CMF and registers clusters: stack configuration `cmf:*`, else environment variables.

Nothing of it is ever a property of a resource, so that no credential gets into Pulumi's state through us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cmf_core.client import ClientSettings
from cmf_core.credentials import ClientCredentials

NAMESPACE = "cmf"

_OF_THE_CLI = {
    "url": "CONFLUENT_CMF_URL",
    "clientCertificate": "CONFLUENT_CMF_CLIENT_CERT_PATH",
    "clientKey": "CONFLUENT_CMF_CLIENT_KEY_PATH",
    "ca": "CONFLUENT_CMF_CERTIFICATE_AUTHORITY_PATH",
}
"""Variables of Confluent's command line that mean the same: they are read after ours."""


class SettingsError(ValueError):
    """A setting is missing or wrong; the text names it and says what to do."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be set about the provider. Stack configuration wins over the environment.

    Attributes:
        url: `cmf:url`, `CMF_URL`. Base address of CMF, such as `http://cmf:8080`. Required.
        token: `cmf:token`, `CMF_TOKEN`. Bearer token; set it with `--secret`. Default: none.
        token_file: `cmf:tokenFile`, `CMF_TOKEN_FILE`. File with a bearer token, read for every request.
        oauth_token_url: `cmf:oauthTokenUrl`, `CMF_OAUTH_TOKEN_URL`. Token endpoint of an OAuth issuer, which gives
            bearer tokens for the client credentials that follow.
        oauth_client_id: `cmf:oauthClientId`, `CMF_OAUTH_CLIENT_ID`. Name of the client there.
        oauth_client_secret: `cmf:oauthClientSecret`, `CMF_OAUTH_CLIENT_SECRET`. Its secret; set it with `--secret`.
        oauth_scope: `cmf:oauthScope`, `CMF_OAUTH_SCOPE`. Scope to ask for; default: none.
        client_certificate: `cmf:clientCertificate`, `CMF_CLIENT_CERTIFICATE`. PEM file for mutual TLS.
        client_key: `cmf:clientKey`, `CMF_CLIENT_KEY`. PEM file of its key; default: in the certificate's file.
        ca: `cmf:ca`, `CMF_CA`. PEM file of the authority of CMF's certificate; default: the system's.
        request_timeout: `cmf:requestTimeoutSeconds`, `CMF_REQUEST_TIMEOUT_SECONDS`. Seconds of one request;
            default 30, because CMF may wait for a cluster.
        kubeconfig_directory: `cmf:kubeconfigDirectory`, `CMF_KUBECONFIG_DIRECTORY`. The directory that CMF
            watches for kubeconfig files (C10, C17), if this machine shares it.
        kubeconfig_secret: `cmf:kubeconfigSecret`, `CMF_KUBECONFIG_SECRET`. NAMESPACE/NAME of the Kubernetes
            Secret that is mounted there, on CMF's own cluster (C18).
        kubeconfig_secret_kubeconfig: `cmf:kubeconfigSecretKubeconfig`, `CMF_KUBECONFIG_SECRET_KUBECONFIG`.
            Kubeconfig file of the cluster that holds this Secret; default: the service account of the pod that
            Pulumi runs in, else `KUBECONFIG`, else `~/.kube/config`.
        foretell: `cmf:foretell`, `CMF_FORETELL`. `false` lets a preview, and an update before it begins, ask CMF
            nothing and foretell no refusal. Default true. For an update with `--target` that leaves deletions out.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    oauth_token_url: str | None = None
    oauth_client_id: str | None = None
    oauth_client_secret: str | None = field(default=None, repr=False)
    oauth_scope: str | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    ca: Path | None = None
    request_timeout: float = 30.0
    kubeconfig_directory: Path | None = None
    kubeconfig_secret: tuple[str, str] | None = None
    kubeconfig_secret_kubeconfig: Path | None = None
    foretell: bool = True

    @classmethod
    def read(cls, configured: Callable[[str], object], environment: Mapping[str, str]) -> Settings:
        """Read the settings.

        Args:
            configured: gives the value of a stack configuration key such as `cmf:url`, or None.
            environment: environment variables.

        Raises:
            SettingsError: one is missing or wrong.
        """

        def text(key: str, variable: str) -> str | None:
            value = configured(f"{NAMESPACE}:{key}")
            value = str(value).lower() if isinstance(value, bool) else value
            value = value or environment.get(f"CMF_{variable}") or environment.get(_OF_THE_CLI.get(key, ""))
            return str(value).strip() or None if value else None

        def path(key: str, variable: str) -> Path | None:
            value = text(key, variable)
            return Path(value).expanduser() if value else None

        url = text("url", "URL")
        if url is None:
            raise SettingsError(
                "cmf:url is not set: run `pulumi config set cmf:url http://HOST:PORT`, or set CMF_URL, "
                "to say where CMF is"
            )
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"cmf:url '{url}' must begin with http:// or https://")
        directory = path("kubeconfigDirectory", "KUBECONFIG_DIRECTORY")
        secret = text("kubeconfigSecret", "KUBECONFIG_SECRET")
        if directory and secret:
            raise SettingsError("cmf:kubeconfigDirectory and cmf:kubeconfigSecret are both set: keep one")
        settings = cls(
            url=url.rstrip("/"),
            token=text("token", "TOKEN"),
            token_file=path("tokenFile", "TOKEN_FILE"),
            oauth_token_url=text("oauthTokenUrl", "OAUTH_TOKEN_URL"),
            oauth_client_id=text("oauthClientId", "OAUTH_CLIENT_ID"),
            oauth_client_secret=text("oauthClientSecret", "OAUTH_CLIENT_SECRET"),
            oauth_scope=text("oauthScope", "OAUTH_SCOPE"),
            client_certificate=path("clientCertificate", "CLIENT_CERTIFICATE"),
            client_key=path("clientKey", "CLIENT_KEY"),
            ca=path("ca", "CA"),
            request_timeout=_seconds(text("requestTimeoutSeconds", "REQUEST_TIMEOUT_SECONDS")),
            kubeconfig_directory=directory,
            kubeconfig_secret=_secret(secret),
            kubeconfig_secret_kubeconfig=path("kubeconfigSecretKubeconfig", "KUBECONFIG_SECRET_KUBECONFIG"),
            foretell=_switch("foretell", text("foretell", "FORETELL")),
        )
        settings._check_token()
        return settings

    def _check_token(self) -> None:
        oauth = (self.oauth_token_url, self.oauth_client_id, self.oauth_client_secret)
        if any(oauth) and not all(oauth):
            raise SettingsError(
                "cmf:oauthTokenUrl, cmf:oauthClientId and cmf:oauthClientSecret go together: set all three"
            )
        if sum(map(bool, (self.token, self.token_file, self.oauth_token_url))) > 1:
            raise SettingsError("cmf:token, cmf:tokenFile and cmf:oauthTokenUrl are three ways to a token: keep one")

    def client(self) -> ClientSettings:
        """Return what the HTTP client is made with."""
        credentials = None
        if self.oauth_token_url and self.oauth_client_id and self.oauth_client_secret:
            credentials = ClientCredentials(
                self.oauth_token_url, self.oauth_client_id, self.oauth_client_secret, self.oauth_scope or ""
            )
        return ClientSettings(
            url=self.url,
            token=self.token,
            token_file=self.token_file,
            credentials=credentials,
            client_certificate=self.client_certificate,
            client_key=self.client_key,
            ca=self.ca,
            timeout=self.request_timeout,
        )


def _seconds(value: str | None) -> float:
    try:
        seconds = 30.0 if value is None else float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise SettingsError(f"cmf:requestTimeoutSeconds '{value}' must be a positive number of seconds")
    return seconds


def _switch(key: str, value: str | None) -> bool:
    if value is not None and value.lower() not in ("true", "false"):
        raise SettingsError(f"cmf:{key} '{value}' must be true or false")
    return value is None or value.lower() == "true"


def _secret(value: str | None) -> tuple[str, str] | None:
    if value is None:
        return None
    namespace, slash, name = value.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise SettingsError(f"cmf:kubeconfigSecret '{value}' must be NAMESPACE/NAME of a Kubernetes Secret")
    return namespace, name
