"""The Kubernetes objects that resources want on their environment's cluster. Pure.

| resource | object |
|---|---|
| FlinkApplication | FlinkDeployment with its job (E02, C08) |
| ComputePool, SHARED | session FlinkDeployment (P05); none while SUSPENDED (P19, P43) |
| ComputePool, DEDICATED | none, it is a template (P04) |
| Statement on a DEDICATED pool | FlinkDeployment with a job of its own (P04); a query's is a session cluster |
| Statement on a SHARED pool | FlinkSessionJob on the pool's session cluster (P05); none for a query |
| Savepoint | FlinkStateSnapshot (E27); none where it is taken by a nonce of its job's object (E25) |

Session clusters have a SQL gateway beside their JobManager (`pods`), and queries are run through it. What writes
tables is the operator's to run, stop with a savepoint, resume and recover, on both types of pool alike.

An object has the name of its resource (`object_name`), is in the environment's namespace, and says by labels and
annotations whose it is. Environment defaults are laid over a resource's own settings, field by field: the
environment wins (E03-E06, D17).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from cmf_core.merge import merged
from cmf_core.models import DEFAULT_CLUSTER, PoolState, PoolType, StatementPhase
from cmf_core.rules.applications import is_suspended
from cmf_core.rules.options import CHECKPOINTS, SAVEPOINTS, option

from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.annotations import annotated
from cmf_hub.flink.configuration import flat
from cmf_hub.flink.pods import with_gateway, with_volumes
from cmf_hub.flink.savepoints import SAVEPOINT, SNAPSHOT, environment_name, overlaid, snapshot_spec
from cmf_hub.flink.sql import is_query
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Orphan, Record

APPLICATION, POOL, STATEMENT, ENVIRONMENT = "FlinkApplication", "ComputePool", "Statement", "Environment"

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "cmf-hub"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""Label selector of everything that the hub put on a cluster."""

_DOMAIN = "cmf-hub.io"
ENVIRONMENT_MARK = f"{_DOMAIN}/environment"
KIND_MARK = f"{_DOMAIN}/kind"
NAME_MARK = f"{_DOMAIN}/name"
UID_LABEL = f"{_DOMAIN}/uid"
SAVEPOINT_MARK = f"{_DOMAIN}/savepoint"
"""Scope and name of the savepoint that a FlinkStateSnapshot was made for."""
GENERATION_ANNOTATION = f"{_DOMAIN}/generation"
"""Generation of the resource that an object was made from."""

DEFAULT_REST_PORT = 8081

_DRIVER = "org.apache.flink.table.runtime.application.SqlDriver"
_LONGEST_LABEL = 63
_ENDED = frozenset({"FINISHED", "CANCELED"})


@dataclass(frozen=True)
class Placement:
    """A resource and the two others that decide what its object looks like.

    Attributes:
        record: the application, pool or statement.
        environment: its environment.
        pool: the pool of a statement; None if it is gone, and for the other kinds.
    """

    record: Record
    environment: Record
    pool: Record | None = None

    @property
    def cluster(self) -> str:
        """Name of the cluster that the environment is bound to (C05, C08)."""
        return cluster_of(self.environment)

    @property
    def namespace(self) -> str:
        """Namespace of the environment's objects (E02)."""
        return str(self.environment.document["kubernetesNamespace"])


def cluster_of(environment: Record) -> str:
    """Return the name of the cluster that an environment is bound to (C05)."""
    return str(environment.document.get("kubernetesClusterName") or DEFAULT_CLUSTER)


class Presence(Enum):
    """What should be true of a resource's object on its cluster."""

    PRESENT = auto()
    """It is there and as the resource wants it."""
    IF_PRESENT = auto()
    """If it is there, it is as the resource wants it; none is made: a suspended job has nothing to run."""
    UNTOUCHED = auto()
    """It is left as it is, there or not: its job has ended, and touching it could run the job again."""
    ABSENT = auto()
    """It is not there."""


def pool_key(record: Record) -> Key | None:
    """Return the key of a statement's pool; None for other kinds."""
    if record.key.kind != STATEMENT:
        return None
    return Key(POOL, record.key.scope, str(record.spec["computePoolName"]))


def environment_key(record: Record) -> Key:
    """Return the key of a resource's environment."""
    return Key(ENVIRONMENT, "", environment_name(record.key.scope))


def object_name(record: Record) -> str:
    """Return the name of a resource's Kubernetes object."""
    return str((record.private or {})["object"]) if record.key.kind in (SAVEPOINT, SNAPSHOT) else record.name


def is_shared(pool: Record) -> bool:
    """Tell whether a pool is SHARED."""
    return pool.spec.get("type") == PoolType.SHARED


def is_suspended_pool(pool: Record) -> bool:
    """Tell whether a shared pool's spec asks for no session cluster (P17, P42)."""
    return pool.spec.get("state") == PoolState.SUSPENDED


def places(placed: Placement) -> tuple[FlinkResource, ...]:
    """Return the kinds of object that a resource may have; both for a statement whose pool is gone."""
    match placed.record.key.kind:
        case "FlinkApplication":
            return (FLINK_DEPLOYMENT,)
        case "ComputePool":
            return (FLINK_DEPLOYMENT,) if is_shared(placed.record) else ()
        case "Savepoint" | "FlinkStateSnapshot":
            return (FLINK_STATE_SNAPSHOT,) if "object" in (placed.record.private or {}) else ()
    if "outcome" in sql_part(placed.record):
        return ()
    if placed.pool is None:
        return (FLINK_DEPLOYMENT, FLINK_SESSION_JOB)
    if is_shared(placed.pool) and is_query_statement(placed.record):
        return ()
    return (FLINK_SESSION_JOB,) if is_shared(placed.pool) else (FLINK_DEPLOYMENT,)


def presence(placed: Placement) -> Presence:
    """Return what should be true of a resource's object."""
    record = placed.record
    if record.deleting:
        return Presence.ABSENT
    match record.key.kind:
        case "FlinkApplication":
            if _has_ended(record):
                return Presence.UNTOUCHED
            return Presence.IF_PRESENT if is_suspended(record.spec) else Presence.PRESENT
        case "ComputePool":
            return Presence.ABSENT if is_suspended_pool(record) else Presence.PRESENT
        case "Savepoint":
            return Presence.PRESENT if record.dirty else Presence.UNTOUCHED  # made once: another is another savepoint
    return _presence_of_statement(record, placed.pool)


def _presence_of_statement(record: Record, pool: Record | None) -> Presence:
    if pool is None:
        return Presence.UNTOUCHED
    if is_shared(pool) and (pool.deleting or is_suspended_pool(pool)):
        return Presence.ABSENT  # the operator keeps a session cluster as long as it has session jobs
    phase = (record.status or {}).get("phase")
    if phase == StatementPhase.COMPLETED or (phase == StatementPhase.FAILED and _is_observed(record)):
        return Presence.UNTOUCHED
    if record.spec.get("stopped"):
        return Presence.ABSENT if is_query_statement(record) else Presence.IF_PRESENT
    return Presence.PRESENT


def _has_ended(record: Record) -> bool:
    """Tell whether the job of an application's present spec ran to its end."""
    status = record.status or {}
    state = (status.get("jobStatus") or {}).get("state")
    return state in _ENDED and status.get("lifecycleState") in ("STABLE", "DEPLOYED") and _is_observed(record)


def _is_observed(record: Record) -> bool:
    return (record.status or {}).get("observedGeneration") == record.generation


def manifest(placed: Placement, settings: Settings) -> dict[str, Any]:
    """Return the object that a resource wants, for a server-side apply.

    The resource must be one that can have an object: see `places` and `presence`.
    """
    match placed.record.key.kind:
        case "FlinkApplication":
            spec = annotated(application_spec(placed), placed.record.instance)
            spec.setdefault("serviceAccount", settings.flink_service_account)
            return _manifest(FLINK_DEPLOYMENT, placed, spec, _application_defaults(placed.environment).get("metadata"))
        case "Savepoint" | "FlinkStateSnapshot":
            return _manifest(FLINK_STATE_SNAPSHOT, placed, snapshot_spec(placed.record), None)
        case "ComputePool":
            spec = _session(_cluster_spec(placed.record, placed.environment, settings), settings)
            return _manifest(FLINK_DEPLOYMENT, placed, spec, _pool_defaults(placed.environment).get("metadata"))
    return _statement(placed, settings)


def application_spec(placed: Placement) -> dict[str, Any]:
    """Return the spec of an application with its environment's defaults over it, and with the hub's nonces."""
    spec = effective_spec(placed.record.spec, placed.environment)
    if isinstance(spec.get("job"), Mapping):
        spec["job"] = overlaid(spec["job"], placed.record)
    return spec


def effective_spec(own: Mapping[str, Any], environment: Record) -> dict[str, Any]:
    """Return what an application's spec becomes in an environment."""
    spec: dict[str, Any] = _without_nulls(_laid_over(own, _application_defaults(environment).get("spec")))
    return spec


def _application_defaults(environment: Record) -> Mapping[str, Any]:
    """Return the environment's flinkApplicationDefaults, which mirror a FlinkApplication."""
    return environment.document.get("flinkApplicationDefaults") or {}


def _statement(placed: Placement, settings: Settings) -> dict[str, Any]:
    record, pool = placed.record, placed.pool
    assert pool is not None, "a statement without pool is left untouched"
    spec = _cluster_spec(pool, placed.environment, settings)
    own = statement_configuration(record.spec, placed.environment)
    effective = spec["flinkConfiguration"] | own
    shared = is_shared(pool)
    if is_query_statement(record):
        assert not shared, "a query on a SHARED pool has no object"
        session = _session(spec | {"flinkConfiguration": effective}, settings)
        return _manifest(FLINK_DEPLOYMENT, placed, session, _pool_defaults(placed.environment).get("metadata"))
    job = _job(record, effective, settings.statement_session_jar_uri if shared else settings.statement_jar_uri)
    if settings.statement_entry_class:
        job["entryClass"] = settings.statement_entry_class
    if settings.sql_runner == "driver" and not shared:
        driver = {"jarURI": settings.sql_driver_jar_uri, "entryClass": _DRIVER}
        job |= {**driver, "args": ["--script", driver_script(record)]}
    if shared:
        body = {"deploymentName": pool.name, "job": job, "flinkConfiguration": own}
        return _manifest(FLINK_SESSION_JOB, placed, body, None)
    metadata = _pool_defaults(placed.environment).get("metadata")
    return _manifest(FLINK_DEPLOYMENT, placed, spec | {"flinkConfiguration": effective, "job": job}, metadata)


def _job(record: Record, configuration: Mapping[str, str], jar: str) -> dict[str, Any]:
    """Return the job of a statement, all of whose fields are the hub's to set (P66)."""
    stateful = all(option(configuration, *keys) for keys in (CHECKPOINTS, SAVEPOINTS))
    job: dict[str, Any] = {
        "jarURI": jar,
        "args": [record.spec["statement"], *([encrypted] if (encrypted := sql_part(record).get("script")) else [])],
        "parallelism": record.spec.get("parallelism") or 1,
        "state": "suspended" if record.spec.get("stopped") else "running",
        "upgradeMode": "savepoint" if stateful else "stateless",
    }
    start = record.spec.get("startFromSavepoint") or {}
    fields = ("initialSavepointPath", "allowNonRestoredState", "savepointRedeployNonce")
    return overlaid(job | {field: start[field] for field in fields if start.get(field) is not None}, record)


def _cluster_spec(pool: Record, environment: Record, settings: Settings) -> dict[str, Any]:
    spec = pool_spec(pool.spec["clusterSpec"], environment)
    spec.setdefault("serviceAccount", settings.flink_service_account)
    return spec


def pool_spec(own: Mapping[str, Any], environment: Record) -> dict[str, Any]:
    """Return the FlinkDeployment spec of a pool, without job: a session cluster's, and a statement's base."""
    defaults = _pool_defaults(environment).get("spec") or {}
    spec = _laid_over(own, defaults.get("clusterSpec"))
    spec.pop("job", None)  # environment defaults must not turn a session cluster into an application
    spec.setdefault("mode", "native")
    if spec["mode"] == "native" and isinstance(spec.get("taskManager"), Mapping):
        spec["taskManager"] = {key: value for key, value in spec["taskManager"].items() if key != "replicas"}  # P23
    return with_volumes(spec, key_secret(environment))


def cluster_name(placed: Placement) -> str:
    """Return the name of the FlinkDeployment that a pool, or a statement's job or query, runs in."""
    shared = placed.pool is not None and is_shared(placed.pool)
    return str(placed.pool.name) if shared and placed.pool is not None else placed.record.name


def session_spec(placed: Placement, settings: Settings) -> dict[str, Any]:
    """Return the FlinkDeployment spec of the session cluster of a SHARED pool, or of a query."""
    if placed.pool is not None and is_shared(placed.pool):
        placed = Placement(placed.pool, placed.environment)
    spec: dict[str, Any] = manifest(placed, settings)["spec"]
    return spec


def _session(spec: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return a session cluster's spec with its SQL gateway."""
    return with_gateway(spec, settings.sql_gateway_port, rest_port(spec["flinkConfiguration"]))


def rest_port(configuration: Mapping[str, str]) -> int:
    """Return `rest.port`; Flink's default where it is none that a Service can have."""
    text = configuration.get("rest.port", "")
    number = int(text) if len(text) <= 5 and text.isascii() and text.isdecimal() else 0
    return number if 0 < number < 2**16 else DEFAULT_REST_PORT


def key_secret(environment: Record) -> str:
    """Return the name of the Kubernetes Secret with the key of an environment's scripts (P11)."""
    return f"{label_value(environment.name)}-statement-key"


def is_query_statement(record: Record) -> bool:
    """Tell whether a statement is a query."""
    return is_query(str(record.spec.get("statement")))


def sql_part(record: Record) -> Mapping[str, Any]:
    """Return what only the hub knows of a statement's SQL.

    `outcome`: phase and detail of one that nothing runs for: it was answered, or cannot run. `traits`: what Flink told.
    `notice`: what nobody could tell. `script`: encrypted statements that make its catalogs and tables, for the runner.
    `steps`: the same in the clear, only for Flink's own driver. `query`: of a query its phase and detail, and once it
    runs pod, session, operation and job.
    """
    part = (record.private or {}).get("sql")
    return part if isinstance(part, Mapping) else {}


def driver_script(record: Record) -> str:
    """Return the script of a statement for Flink's own driver."""
    statements = [*sql_part(record).get("steps", ()), str(record.spec["statement"]).rstrip().rstrip(";")]
    return "".join(f"{statement};\n" for statement in statements)


def statement_configuration(spec: Mapping[str, Any], environment: Record) -> dict[str, str]:
    """Return the Flink configuration of a statement with the environment's defaults over it."""
    own = flat(spec.get("properties")) | flat(spec.get("flinkConfiguration"))
    return own | flat(_statement_defaults(environment, str(spec["statement"])))


def _laid_over(own: Mapping[str, Any], defaults: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a FlinkDeployment spec with the environment's defaults over it."""
    sides = ({**side, "flinkConfiguration": flat(side.get("flinkConfiguration"))} for side in (own, defaults or {}))
    return merged(*sides)


def _pool_defaults(environment: Record) -> Mapping[str, Any]:
    """Return the environment's computePoolDefaults, which mirror a ComputePool."""
    return environment.document.get("computePoolDefaults") or {}


def _statement_defaults(environment: Record, statement: str) -> Mapping[str, Any] | None:
    defaults = environment.document.get("statementDefaults") or {}
    kind = "interactive" if is_query(statement) else "detached"
    return (defaults.get(kind) or {}).get("flinkConfiguration")


def _manifest(
    resource: FlinkResource, placed: Placement, spec: dict[str, Any], defaults: Mapping[str, Any] | None
) -> dict[str, Any]:
    record, environment = placed.record, environment_name(placed.record.key.scope)
    own = record.document.get("metadata") or {}
    defaults = defaults or {}
    labels = merged(own.get("labels") or {}, defaults.get("labels")) | {
        MANAGED_BY: MANAGER,
        ENVIRONMENT_MARK: label_value(environment),
        KIND_MARK: record.key.kind,
        NAME_MARK: label_value(record.name),
        UID_LABEL: record.uid,
    }
    annotations = merged(own.get("annotations") or {}, defaults.get("annotations")) | {
        ENVIRONMENT_MARK: environment,  # the label may be shortened
        GENERATION_ANNOTATION: str(record.generation),
    }
    if record.key.kind == SAVEPOINT:
        annotations[SAVEPOINT_MARK] = f"{record.key.scope}/{record.name}"
    metadata = {
        "name": object_name(record),
        "namespace": placed.namespace,
        "labels": labels,
        "annotations": annotations,
    }
    return {"kind": str(resource), "metadata": metadata, "spec": _without_nulls(spec)}


def _without_nulls(value: Any) -> Any:
    """The API server drops nulls; with them a manifest would never equal its object."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def label_value(text: str) -> str:
    """Return a text as a label value: itself if it is short enough, else its beginning and a hash of it."""
    if len(text) <= _LONGEST_LABEL:
        return text
    return f"{text[:46].rstrip('.-')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def owner(found: Mapping[str, Any]) -> tuple[Key, str] | None:
    """Return key and uid of the resource that an object says it belongs to; None for an object of others."""
    metadata = found["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    try:
        if labels[KIND_MARK] == SAVEPOINT:
            scope, _, name = annotations[SAVEPOINT_MARK].rpartition("/")
            return Key(SAVEPOINT, scope, name), labels[UID_LABEL]
        return Key(labels[KIND_MARK], annotations[ENVIRONMENT_MARK], metadata["name"]), labels[UID_LABEL]
    except KeyError:
        return None


def metadata_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's labels and annotations without those that the hub adds, as `_manifest` does."""
    own = {MANAGED_BY, ENVIRONMENT_MARK, KIND_MARK, NAME_MARK, UID_LABEL, GENERATION_ANNOTATION}
    metadata = found["metadata"]
    kept = {
        field: {key: value for key, value in (metadata.get(field) or {}).items() if key not in own}
        for field in ("labels", "annotations")
    }
    return {"name": metadata["name"], **{field: values for field, values in kept.items() if values}}


def generation_of(found: Mapping[str, Any]) -> int:
    """Return the generation of the resource that an object was made from; 1 if it does not say."""
    text = str((found["metadata"].get("annotations") or {}).get(GENERATION_ANNOTATION))
    return int(text) if text.isdecimal() else 1


def belongs(found: Mapping[str, Any], record: Record | Orphan) -> bool:
    """Tell whether an object was made for this very resource, not for a namesake before it or by others."""
    return bool((found["metadata"].get("labels") or {}).get(UID_LABEL) == record.uid)


def differs(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether an object lacks or contradicts something of a manifest; what else it has does not matter (E15)."""
    return any(not _covers(found.get(part), wanted[part]) for part in ("metadata", "spec"))


def _covers(present: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(present, Mapping) and all(_covers(present.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(present, list) and len(present) == len(wanted) and all(map(_covers, present, wanted))
    return bool(present == wanted)
