"""Settings of what the hub runs on the clusters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cmf_hub.settings.group import Group


class Flink(Group):
    """Flink."""

    flink_service_account: str = Field(default="flink", min_length=1)
    """Kubernetes service account of Flink's pods where a specification does not name one (E43, P09)."""

    flink_operator_patience_seconds: float = Field(default=120.0, gt=0)
    """Seconds without a word of the operator on an object after which its resource says that the operator may not watch
    the namespace (E12); it looks at everything every 15 s, and needs longer after a start."""

    environment_absent_clears: bool = False
    """An update of an environment without some of its defaults, or with null: false keeps those that it has, as the
    Confluent CLI wants, which sends only what it was given; true clears them, so that the body is the whole of it."""

    statement_jar_uri: str = "local:///opt/flink/usrlib/sql-runner.jar"
    """Jar that runs a statement's SQL in an application cluster of a DEDICATED pool; part of the pool's image."""

    statement_entry_class: str = ""
    """Main class of that jar; empty: the one its manifest names."""

    statement_session_jar_uri: str = "file:///opt/flink/usrlib/sql-runner.jar"
    """Jar for a statement on a SHARED pool. The operator itself fetches it, so it is a file of the operator's image or
    an address that it can reach; newer operators take only https unless their allowed-schemes setting says more."""

    flink_web_ui: Literal["off", "read-only", "full"] = "read-only"
    """What goes through the paths .../flink-web-ui/ to the REST API of a JobManager. read-only: what only looks; full:
    everything, as in CMF, so that whoever may see the web UI can also run code of their own in the Flink cluster
    (`POST /jars/upload`), cancel jobs and end the cluster; off: nothing."""

    flink_web_ui_streams: int = Field(default=64, ge=1)
    """Requests to web UIs that may be under way on one cluster; more are refused with 429. A browser has six."""

    flink_web_ui_silence_seconds: float = Field(default=60.0, gt=0)
    """Seconds without a byte from the client or to it, or from the JobManager, that end a request to a web UI; Flink
    plans large jobs in less."""

    savepoint_method: Literal["auto", "snapshot", "nonce"] = "auto"
    """How savepoints are taken. auto: by a FlinkStateSnapshot where the cluster has the CRD, else by a new
    savepointTriggerNonce of the job; snapshot or nonce: so alone. nonce is for operators before 1.10 on clusters with
    newer CRDs, which store FlinkStateSnapshots and do nothing with them."""

    savepoint_patience_seconds: float = Field(default=60.0, gt=0)
    """Seconds after which the status of a savepoint that the operator has not taken up says so; the operator looks at
    everything every 15 s, and may be busy."""

    savepoint_dispose_on_delete: bool = True
    """DELETE of a savepoint deletes its data too, as the operator does by default; false keeps them. They are always
    kept when a savepoint is detached, forced away, taken by nonce, or goes with its application or statement."""
