"""Sizes: slots against cores, and what each environment may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.rules.deployments import cores_of_slots, declared_limits
from cmf_core.units import memory_bytes
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)

from pulumi_cmf_policy.configuration import table, value
from pulumi_cmf_policy.deployments import Deployment, each, each_deployment, resources, suspended, tell, used
from pulumi_cmf_policy.resources import Described, matching

_LIMIT = {
    "type": "object",
    "properties": {"taskManagers": {"type": "integer", "minimum": 0}, "memory": {"type": "string"}},
    "additionalProperties": False,
}
LIMITS = PolicyConfigSchema(
    {
        "limits": table(
            "By pattern of environment names, the first that fits: `taskManagers`, a number, and `memory` of all of "
            "them, as in `64Gi`; either may be missing.",
            _LIMIT,
        )
    }
)


def cores(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report task managers with more busy slots than cores (E48)."""
    each_deployment(args, lambda each: tell(each, (cores_of_slots(each.where, each.spec),), report))


def limits(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report deployments over the limits of their own, and environments over the configured ones (E49)."""
    configured = value(args, LIMITS, "limits")
    on_pools: dict[tuple[str, str], list[int]] = {}
    totals: dict[str, list[int]] = {}

    def count_statement(statement: Described) -> None:
        given = statement.properties
        if not given.get("stopped"):
            pool = (str(given["environment"]), str(given["compute_pool_name"]))
            on_pools.setdefault(pool, []).append(int(given.get("parallelism", 1)))

    def judge(deployment: Deployment) -> None:
        tell(deployment, (declared_limits(deployment.where, deployment.spec),), report)
        if not suspended(deployment):
            pool = (deployment.environment, deployment.resource.name)
            managers = used(deployment, on_pools.get(pool, ())).task_manager
            total = totals.setdefault(deployment.environment, [0, 0])
            total[0] += managers.count
            total[1] += managers.memory

    def totalled() -> None:
        for environment, (number, memory) in sorted(totals.items()):
            limit = matching(configured, environment)
            if limit is not None:
                for text in _exceeded(limit, number, memory):
                    report(f"Environment '{environment}' asks for {text}: make its deployments smaller [E49]", None)

    try:
        each(resources(args, "Statement"), count_statement)
        each_deployment(args, judge)
    finally:
        totalled()  # what is over with what is known is over with the rest


def _exceeded(limit: Mapping[str, Any], number: int, memory: int) -> list[str]:
    found = []
    if "taskManagers" in limit and number > limit["taskManagers"]:
        found.append(f"{number} task managers, over the limit of {limit['taskManagers']:g}")
    most = memory_bytes(limit["memory"]) if "memory" in limit else None
    if most is not None and memory > most:
        found.append(f"{memory / 2**30:.1f} GiB of memory for task managers, over the limit of {limit['memory']}")
    return found


POLICIES = [
    StackValidationPolicy(
        name="cores-for-slots",
        description="A task manager has a core for each busy slot.",
        enforcement_level=EnforcementLevel.ADVISORY,
        validate=cores,
        tags=["E48"],
    ),
    StackValidationPolicy(
        name="environment-limits",
        description="Task managers and their memory stay within the limits of their environment and their own.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=limits,
        config_schema=LIMITS,
        tags=["E49"],
    ),
]
