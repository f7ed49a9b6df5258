"""Settings of the hub: one typed object, filled from environment variables.

Names follow CMF's properties: `cmf.k8s.heartbeatIntervalSeconds` is `CMF_K8S_HEARTBEAT_INTERVAL_SECONDS`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from cmf_core.rules.clusters import heartbeat_settings
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CMF_"
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]


class SettingsError(ValueError):
    """A setting that the hub cannot start with; the text names it and says what to do."""


class Settings(BaseSettings):
    """Everything that can be set about a hub."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, populate_by_name=True)

    host: str = "127.0.0.1"
    """Address to listen on. Default: this machine only, because authentication is off by default."""

    port: int = Field(default=8080, ge=0, le=65535)
    """TCP port to listen on; 0 takes a free one. CMF's container listens on 8080."""

    database: Path = Path("cmf.db")
    """SQLite file, created if it is not there. Not on NFS: SQLite's locks do not work there."""

    log_format: Literal["json", "console"] = "json"
    """json: one object a line, for log collectors; console: for people."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    max_body_bytes: int = Field(default=1024 * 1024, ge=1024)
    """Largest request body in bytes; more is refused with 413. Kubernetes itself takes 1.5 MB an object."""

    default_page_size: int = Field(default=100, ge=1)
    """Items of a page where the caller does not say; what the Confluent CLI asks for."""

    max_page_size: int = Field(default=1000, ge=1)
    """Items of a page at most; a larger `size` gets this many, so that no answer exhausts memory."""

    shutdown_timeout_seconds: float = Field(default=15.0, gt=0)
    """Seconds that requests in flight get to end after SIGTERM; below Kubernetes' 30 s before SIGKILL."""

    encryption_key_file: OptionalPath = None
    """File with the AES-GCM keys of secrets: 16 or 32 random bytes in base64 a line. The first encrypts, all decrypt.
    To rotate, put a new key first and restart: the hub then encrypts everything anew, and the old line can go."""

    encryption_keys: SecretStr | None = None
    """The same keys separated by commas, where a file is not possible; they come after those of the file."""

    sql_production: bool = True
    """Secrets are only stored encrypted: without a key they are refused. false stores them in the clear where there is
    no key, for tests (E36)."""

    k8s_kubeconfig_directory: Path = Path("/etc/cmf/kubeconfig")
    """Directory whose files are the clusters (C10-C18): file name = cluster name."""

    k8s_default_cluster_kubeconfig: OptionalPath = None
    """Kubeconfig of default-k8s-cluster; unset: the service account of the pod that the hub runs in (C02, C03)."""

    k8s_heartbeat_interval_seconds: float = 60.0
    """Seconds between two probes of a cluster; 0 switches heartbeats off (C54, C60)."""

    k8s_heartbeat_timeout_seconds: float = 10.0
    """Seconds that a probe may take; not over the interval (C56, C57)."""

    k8s_request_timeout_seconds: float = Field(default=10.0, gt=0)
    """Seconds that any other call to a cluster may take."""

    k8s_flink_api_group: str = Field(default="flink.apache.org", min_length=3)
    """API group of the Flink Kubernetes Operator's resources."""

    k8s_labels_empty_clears: bool = False
    """A PUT of `labels: {}` on a cluster: false keeps them (C44), true clears them as CMF 2.3.1's API says (D1)."""

    k8s_kubeconfig_allow_insecure_tls: bool = False
    """Accept `insecure-skip-tls-verify` in a kubeconfig: no protection against a man in the middle."""

    k8s_kubeconfig_allow_proxy: bool = False
    """Accept `proxy-url` in a kubeconfig: the hub then connects to wherever that says."""

    flink_service_account: str = Field(default="flink", min_length=1)
    """Kubernetes service account of Flink's pods where a specification does not name one (E43, P09)."""

    statement_jar_uri: str = "local:///opt/flink/usrlib/sql-runner.jar"
    """Jar that runs a statement's SQL in an application cluster of a DEDICATED pool; part of the pool's image."""

    statement_entry_class: str = ""
    """Main class of that jar; empty: the one its manifest names."""

    statement_session_jar_uri: str = "file:///opt/flink/usrlib/sql-runner.jar"
    """Jar for a statement on a SHARED pool. The operator itself fetches it, so it is a file of the operator's image or
    an address that it can reach; newer operators take only https unless their allowed-schemes setting says more."""

    @model_validator(mode="after")
    def _heartbeat(self) -> Self:
        refusal = heartbeat_settings(self.k8s_heartbeat_interval_seconds, self.k8s_heartbeat_timeout_seconds)
        if refusal is not None:
            raise ValueError(refusal.message)
        return self


def load(**given: object) -> Settings:
    """Return the settings of this process's environment; `given` (from the command line) come first.

    Raises:
        SettingsError: a setting is wrong; one sentence for each.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(dict(detail)) for detail in error.errors(include_url=False))) from error


def _sentence(detail: dict[str, object]) -> str:
    location = detail["loc"]
    assert isinstance(location, tuple)
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not location:
        return message
    return f"{PREFIX}{str(location[0]).upper()} is {detail['input']!r}: {message[:1].lower()}{message[1:]}"
