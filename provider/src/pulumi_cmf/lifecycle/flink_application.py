"""FlinkApplication: one Flink job in a cluster of its own (E02-E07, E19-E21)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from cmf_core.calls import ENVIRONMENTS, Collection, applications
from cmf_core.merge import merged
from cmf_core.models import Environment, FlinkApplication
from cmf_core.rules import Advice, Verdict, advice, names, operator, restarts, specs
from cmf_core.rules import applications as rules
from cmf_core.rules.deployments import deployment_advice
from cmf_core.rules.moves import twice

from pulumi_cmf.lifecycle.contained import ContainedInputs, ContainedKind, seen_line
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.generations import Reconciled, deployed_spec, generations_agree, reconciled_text
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.operations import Operation
from pulumi_cmf.lifecycle.ownership import find
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pulumi_cmf.lifecycle.waiting import Look
from pulumi_cmf.types import FlinkApplicationSpec

_RUNS = ("RUNNING", "FINISHED")
_HOPELESS = ("FAILED", "DELETING")


class FlinkApplicationInputs(ContainedInputs):
    """What a user says of an application."""

    spec: dict[str, Any]
    wait_for: Literal["stable", "running", "accepted"] | None = None


class FlinkApplicationKind(ContainedKind[FlinkApplicationInputs, FlinkApplication]):
    """Life cycle of applications."""

    name = "FlinkApplication"
    outputs = ("uid", "lifecycle_state", "job_state", "job_id")
    nested: ClassVar[Mapping[str, Any]] = {"spec": FlinkApplicationSpec}
    rule_ids: ClassVar[Mapping[str, str]] = {"spec": "E19"}
    ready_seconds = 600.0

    def __init__(self) -> None:
        super().__init__(FlinkApplicationInputs)

    def rules(self, inputs: FlinkApplicationInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on name and job; those that need the environment's defaults are CMF's to tell."""
        yield "name", names.resource_name(self.name, inputs.name)
        yield "name", names.deployment_name(self.name, inputs.name)
        yield "environment", names.resource_name("Environment", inputs.environment)
        yield "spec", specs.deployment_spec(f"{self.name} '{inputs.name}': spec", inputs.spec)
        yield "spec.job", rules.has_job(inputs.name, inputs.spec)
        yield "spec.job", rules.job_enums(inputs.name, inputs.spec)

    def deployment(self, inputs: FlinkApplicationInputs, environment: Environment) -> tuple[str, Mapping[str, Any]]:
        """Return the spec with the environment's defaults over it (D17)."""
        return f"{self.name} '{inputs.name}': spec", effective_spec(inputs.spec, environment)

    def advice(self, inputs: FlinkApplicationInputs, environment: Environment) -> list[Advice]:
        """Return the advice on the deployment."""
        return deployment_advice(*self.deployment(inputs, environment))

    async def advise(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return CMF's advice too, and what an update does to the job (E20, E47)."""
        told = await super().advise(facts, olds, news)
        environment, name = str(news["environment"]), str(news["name"])
        found = (await facts.all(self.collection(environment))).get(name)
        before = (await facts.all(ENVIRONMENTS)).get(environment)
        after = await self._environment(facts, environment)
        if not olds or found is None or before is None or after is None or contains_unknown(dict(news)):
            return told
        said = self.of_state(olds).spec
        present = said if self.holds("spec", found.spec, said) else found.spec
        old, new = effective_spec(present, before), effective_spec(self.parse(news).spec, after)
        return [*told, *advice(restarts.job_advice(self.what(environment, name), old, new))]

    def replacing(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return that another environment is no move: the old one runs on while the new one starts."""
        places = [(each.get("environment"), each.get("name")) for each in (olds, news)]
        old, new = (self.what(str(environment), str(name)) for environment, name in places)
        return advice(twice(old, new) if all(isinstance(part, str) for place in places for part in place) else None)

    async def blocked(
        self, facts: Facts, environment: str, found: FlinkApplication, inputs: FlinkApplicationInputs | None
    ) -> Verdict:
        """Return what cannot change on what is deployed (FKO26-FKO28), unless no operator takes it at all."""
        place = await self._environment(facts, environment)
        if inputs is None or place is None:
            return None
        asked = self.deployment(inputs, place)
        return operator.refused(*asked) or operator.change(*asked, deployed_spec(found.status or {}))

    def wants_deployment(self, inputs: FlinkApplicationInputs) -> bool:
        """It does, suspended too: CMF looks whether there is one to suspend."""
        return True

    def is_deleting(self, found: FlinkApplication) -> bool:
        """Tell whether an application is on its way out."""
        return found.lifecycle_state == "DELETING"

    def holds(self, field: str, present: Any, asked: Any) -> bool:
        """Compare; a job whose state is not given is asked to run."""
        if field == "spec":
            present, asked = _with_job_state(present), _with_job_state(asked)
        return super().holds(field, present, asked)

    def collection(self, environment: str) -> Collection[FlinkApplication]:
        """Return the applications of an environment."""
        return applications(environment)

    def body(self, inputs: FlinkApplicationInputs) -> dict[str, Any]:
        """Return the spec as it was given."""
        return inputs.spec

    def parsed(self, data: dict[str, Any]) -> FlinkApplication:
        """Return the model of a document."""
        return FlinkApplication.parse(data)

    async def write(
        self, hub: Hub, inputs: FlinkApplicationInputs, sent: FlinkApplication, operation: Operation
    ) -> FlinkApplication:
        """Update by the upsert that applications have."""
        return await hub.client.send(applications(inputs.environment).upsert(sent))

    async def baseline(
        self, hub: Hub, inputs: FlinkApplicationInputs, found: FlinkApplication | None
    ) -> Reconciled | None:
        """Return what the operator runs now, and the specification with the environment's defaults over it (D17)."""
        if found is None:
            return Reconciled("", inputs.spec)
        environment = await find(hub, ENVIRONMENTS, inputs.environment)
        asked = effective_spec(inputs.spec, environment) if environment else inputs.spec
        return Reconciled(reconciled_text(found.status or {}), asked)

    def goal(self, inputs: FlinkApplicationInputs) -> str | None:
        """Return STABLE, RUNNING or SUSPENDED."""
        if inputs.wait_for == "accepted":
            return None
        return "SUSPENDED" if rules.is_suspended(inputs.spec) else (inputs.wait_for or "stable").upper()

    def judge(self, found: FlinkApplication, inputs: FlinkApplicationInputs, baseline: Reconciled | None) -> Look:
        """Tell whether the operator runs the new specification, and its job is as asked."""
        status, line = found.status or {}, self.line(found)
        fresh = generations_agree(found.metadata, status)
        if fresh is None:
            fresh = baseline is None or baseline.is_new(status)
        if not fresh:
            return Look(f"the operator has not taken up the new specification ({line})")
        lifecycle, job = found.lifecycle_state, found.job_state
        match self.goal(inputs):
            case "SUSPENDED":
                done = lifecycle == "SUSPENDED"
            case "RUNNING":
                done = job in _RUNS
            case _:
                done = lifecycle == "STABLE" and job in _RUNS
        return Look(line, done=done, hopeless=lifecycle in _HOPELESS)

    def line(self, found: FlinkApplication) -> str:
        """Return life cycle state and job state, and the operator's error."""
        status = found.status or {}
        state = f"lifecycle state {found.lifecycle_state or 'unknown'}, job {found.job_state or 'not there yet'}"
        return seen_line(state, error_text(status.get("error")), status.get("message"), status.get("warning"))

    def present(self, found: FlinkApplication) -> dict[str, Any]:
        """Return the spec."""
        return {"spec": found.spec}

    def computed(self, found: FlinkApplication) -> dict[str, Any]:
        """Return life cycle state, job state and job id."""
        return {
            "lifecycle_state": found.lifecycle_state or None,
            "job_state": found.job_state or None,
            "job_id": ((found.status or {}).get("jobStatus") or {}).get("jobId"),
        }


def effective_spec(spec: Mapping[str, Any], environment: Environment) -> dict[str, Any]:
    """Return an application's specification with its environment's defaults over it (D17)."""
    defaults = (environment.flink_application_defaults or {}).get("spec")
    return merged(spec, defaults if isinstance(defaults, Mapping) else None)


def _with_job_state(spec: Any) -> Any:
    job = spec.get("job") if isinstance(spec, Mapping) else None
    return {**spec, "job": {"state": "running", **job}} if isinstance(job, Mapping) else spec


def error_text(error: Any) -> str | None:
    """Return the operator's error as a sentence: it is the JSON of an exception, causes in a list."""
    if not error:
        return None
    try:
        document = json.loads(error)
        causes = [document.get("message"), *(cause.get("message") for cause in document.get("throwableList") or [])]
    except (ValueError, TypeError, AttributeError):
        return str(error)
    return ": ".join(dict.fromkeys(str(text) for text in causes if text)) or str(error)
