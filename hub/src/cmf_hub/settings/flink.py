"""Settings of what the hub runs on the clusters."""

from __future__ import annotations

from pydantic import Field

from cmf_hub.settings.group import Group


class Flink(Group):
    """Flink."""

    flink_service_account: str = Field(default="flink", min_length=1)
    """Kubernetes service account of Flink's pods where a specification does not name one (E43, P09)."""

    statement_jar_uri: str = "local:///opt/flink/usrlib/sql-runner.jar"
    """Jar that runs a statement's SQL in an application cluster of a DEDICATED pool; part of the pool's image."""

    statement_entry_class: str = ""
    """Main class of that jar; empty: the one its manifest names."""

    statement_session_jar_uri: str = "file:///opt/flink/usrlib/sql-runner.jar"
    """Jar for a statement on a SHARED pool. The operator itself fetches it, so it is a file of the operator's image or
    an address that it can reach; newer operators take only https unless their allowed-schemes setting says more."""
