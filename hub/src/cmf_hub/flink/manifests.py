"""The Kubernetes objects that resources want on their environment's cluster. Pure.

Environment defaults are laid over a resource's own settings, field by field: the environment wins (E03-E06, D17).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.merge import merged
from cmf_core.rules.options import CHECKPOINTS, SAVEPOINTS, option

from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.annotations import annotated
from cmf_hub.flink.configuration import flat
from cmf_hub.flink.marks import annotations_of, label_value, labels_of
from cmf_hub.flink.placement import Placement, is_query_statement, is_shared, object_name, sql_part
from cmf_hub.flink.pods import with_gateway, with_volumes
from cmf_hub.flink.savepoints import overlaid, snapshot_spec
from cmf_hub.flink.sql import is_query
from cmf_hub.settings import Settings
from cmf_hub.store import Record

DEFAULT_REST_PORT = 8081

_DRIVER = "org.apache.flink.table.runtime.application.SqlDriver"


def manifest(placed: Placement, settings: Settings) -> dict[str, Any]:
    """Return the object that a resource wants, for a server-side apply.

    The resource must be one that can have an object: see `places` and `presence`.
    """
    match placed.record.key.kind:
        case "FlinkApplication":
            spec = annotated(application_spec(placed), placed.record.instance)
            spec["serviceAccount"] = spec.get("serviceAccount") or settings.flink_service_account
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
    job: dict[str, Any] = {
        "jarURI": jar,
        "args": [record.spec["statement"], *([encrypted] if (encrypted := sql_part(record).get("script")) else [])],
        "parallelism": record.spec.get("parallelism") or 1,
        "state": "suspended" if record.spec.get("stopped") else "running",
        "upgradeMode": _upgrade_mode(configuration),
    }
    start = record.spec.get("startFromSavepoint") or {}
    fields = ("initialSavepointPath", "allowNonRestoredState", "savepointRedeployNonce")
    return overlaid(job | {field: start[field] for field in fields if start.get(field) is not None}, record)


def statement_spec(spec: Mapping[str, Any], environment: Record, pool: Record) -> dict[str, Any]:
    """Return the FlinkDeployment spec of a statement on its pool, with what is its own of the job: for the rules."""
    of_pool = pool_spec(pool.spec["clusterSpec"], environment)
    configuration = of_pool["flinkConfiguration"] | statement_configuration(spec, environment)
    job = {"parallelism": spec.get("parallelism") or 1, "upgradeMode": _upgrade_mode(configuration)}
    return of_pool | {"flinkConfiguration": configuration, "job": job}


def _upgrade_mode(configuration: Mapping[str, str]) -> str:
    """Return how a statement is upgraded: by savepoint if there is a place for its state."""
    return "savepoint" if all(option(configuration, *keys) for keys in (CHECKPOINTS, SAVEPOINTS)) else "stateless"


def _cluster_spec(pool: Record, environment: Record, settings: Settings) -> dict[str, Any]:
    spec = pool_spec(pool.spec["clusterSpec"], environment)
    spec["serviceAccount"] = spec.get("serviceAccount") or settings.flink_service_account
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
    record = placed.record
    own, defaults = record.document.get("metadata") or {}, defaults or {}
    labels = merged(own.get("labels") or {}, defaults.get("labels")) | labels_of(record)
    annotations = merged(own.get("annotations") or {}, defaults.get("annotations")) | annotations_of(record)
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


def differs(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether an object lacks or contradicts something of a manifest; what else it has does not matter (E15)."""
    return any(not _covers(found.get(part), wanted[part]) for part in ("metadata", "spec"))


def _covers(present: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(present, Mapping) and all(_covers(present.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(present, list) and len(present) == len(wanted) and all(map(_covers, present, wanted))
    return bool(present == wanted)
