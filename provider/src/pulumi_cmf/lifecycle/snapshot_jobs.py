"""Jobs of which a savepoint is taken, for a preview: whether they are there, to run, and know a folder for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.calls import applications, compute_pools, statements
from cmf_core.merge import merged
from cmf_core.models import Environment, StatementPhase
from cmf_core.models.savepoint import SavepointSpec
from cmf_core.rules import Verdict
from cmf_core.rules.applications import is_suspended
from cmf_core.rules.existence import exists
from cmf_core.rules.options import options_of
from cmf_core.rules.savepoints import has_directory, job_to_run

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.flink_application import effective_spec
from pulumi_cmf.lifecycle.unknowns import contains_unknown

_ENDED = (StatementPhase.COMPLETED, StatementPhase.FAILED)
_KINDS = {"application": "FlinkApplication", "statement": "Statement"}


async def unable(facts: Facts, savepoint: str, environment: str, owner: str, name: str, spec: SavepointSpec) -> Verdict:
    """Foretell why a job takes no savepoint.

    Args:
        facts: what is known.
        savepoint: its name.
        environment: of the job.
        owner: `application` or `statement`.
        name: of the job.
        spec: what is asked for.

    Raises:
        CmfError: the facts cannot be had.
    """
    kind, place = _KINDS[owner], await facts.environment(environment)
    planned = facts.planned(kind, f"{environment}/{name}")
    planned = planned if planned is not None and planned.changed else None
    listed: Mapping[str, Any] = await facts.all(
        applications(environment) if owner == "application" else statements(environment)
    )
    found = listed.get(name)
    if planned is None and found is None:
        return exists(f"{kind} '{name}'", f" in environment '{environment}'", present=False)
    if place is None or not facts.knows_defaults(environment) or (planned and contains_unknown(dict(planned.inputs))):
        return None
    job = f"{kind} {environment}/{name}"
    if owner == "application":
        own = planned.inputs["spec"] if planned else listed[name].spec
        configured = options_of(effective_spec(own, place))
        runs = not is_suspended(own)
    else:
        own = planned.inputs if planned else listed[name].spec.model_dump()
        configured = await _of_statement(facts, environment, own, place)
        ended = (
            not (planned and planned.changed) and found is not None and found.status and found.status.phase in _ENDED
        )
        runs = not own.get("stopped") and not ended
    return job_to_run(savepoint, job, is_to_run=runs) or has_directory(savepoint, job, spec, configured)


async def _of_statement(
    facts: Facts, environment: str, own: Mapping[str, Any], place: Environment
) -> Mapping[str, Any]:
    """Return every option that the job of a statement may have, from its pool and the environment's defaults too."""
    pool = str(own["compute_pool_name"])
    planned, found = facts.planned("ComputePool", f"{environment}/{pool}"), await facts.all(compute_pools(environment))
    spec = planned.inputs["cluster_spec"] if planned else found[pool].spec.cluster_spec if pool in found else {}
    spec = merged(spec, ((place.compute_pool_defaults or {}).get("spec") or {}).get("clusterSpec"))
    detached = place.statement_defaults.detached if place.statement_defaults else None
    return {
        **options_of(spec),
        **((detached and detached.flink_configuration) or {}),
        **(own.get("flink_configuration") or {}),
    }
