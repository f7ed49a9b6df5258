"""State of jobs: where it is kept, and what survives the loss of a JobManager or an upgrade."""

from __future__ import annotations

from cmf_core.models import PoolType
from cmf_core.rules import operator, pools
from cmf_core.rules.deployments import availability_storage, durable_state, reachable_state
from pulumi_policy import EnforcementLevel, ReportViolation, StackValidationArgs, StackValidationPolicy

from pulumi_cmf_policy.deployments import Deployment, each_deployment, tell


def durable(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report state that goes with a pod or stays on a node (E34, E35)."""

    def judge(deployment: Deployment) -> None:
        where, spec = deployment.where, deployment.spec
        tell(deployment, (durable_state(where, spec), reachable_state(where, spec)), report)

    each_deployment(args, judge)


def available(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report shared pools without high availability, and high availability without storage (P59, P60, E32)."""

    def judge(deployment: Deployment) -> None:
        resource, spec = deployment.resource, deployment.spec
        if resource.kind == "ComputePool":
            kind = PoolType(resource.properties["type"])
            tell(deployment, (pools.availability(resource.name, kind, spec),), report)
        tell(deployment, (availability_storage(deployment.where, spec),), report)

    each_deployment(args, judge)


def upgradable(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report what lacks the directories that its upgrades and savepoints need (E33)."""

    def judge(deployment: Deployment) -> None:
        where, spec = deployment.where, deployment.spec
        blank = operator.blank_directories(where, spec)
        if blank is not None:
            report(f"{blank.message} [{blank.rule}]", deployment.resource.urn)
        tell(deployment, (operator.durable_directories(where, spec),), report)

    each_deployment(args, judge)


POLICIES = [
    StackValidationPolicy(
        name="durable-state",
        description="Checkpoints, savepoints and high availability are on storage that outlives pods and nodes.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=durable,
        tags=["E34", "E35"],
        remediation_steps="Set state.checkpoints.dir to an object store, best in the environment's defaults.",
    ),
    StackValidationPolicy(
        name="shared-pool-high-availability",
        description="SHARED pools have high availability, and whatever has it has a storage directory.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=available,
        tags=["E32", "P59", "P60"],
        remediation_steps="Set high-availability.type and high-availability.storageDir in flinkConfiguration.",
    ),
    StackValidationPolicy(
        name="upgrade-directories",
        description="Stateful upgrades have directories for checkpoints and savepoints.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=upgradable,
        tags=["E33"],
        remediation_steps="Set state.checkpoints.dir and state.savepoints.dir in flinkConfiguration.",
    ),
]
