"""What no operator takes is refused, what its own configuration may supply is advice; never more than it refuses."""

from copy import deepcopy
from typing import Any

import pytest
from cmf_core.merge import merged
from cmf_core.rules import Advice, Refusal, operator
from flink_operator_standin import specs, statuses, validation
from hypothesis import example, given, settings
from hypothesis import strategies as st

Json = dict[str, Any]
GOOD: Json = {
    "flinkVersion": "v1_20",
    "serviceAccount": "flink",
    "flinkConfiguration": {},
    "jobManager": {"resource": {"memory": "1024m"}},
    "taskManager": {"resource": {"memory": "1024m"}},
    "job": {"jarURI": "local:///a.jar", "parallelism": 1, "upgradeMode": "stateless"},
}
HA = "high-availability.type"
CHECKPOINTS, SAVEPOINTS = "state.checkpoints.dir", "state.savepoints.dir"
BOTH = {CHECKPOINTS: "s3://b/c", SAVEPOINTS: "s3://b/s"}


def good(**changes: Any) -> Json:
    """A good specification with changes laid over; a change of None removes."""
    spec = merged(deepcopy(GOOD), {key: value for key, value in changes.items() if value is not None})
    return {key: value for key, value in spec.items() if changes.get(key, "") is not None}


def conf(**options: str) -> Json:
    return good(flinkConfiguration=options)


def refusal_of(spec: Json) -> Refusal | None:
    return operator.refused("FlinkApplication 'shop': spec", spec)


def advice_on(spec: Json) -> list[Advice]:
    return operator.unsure("FlinkApplication 'shop': spec", spec)


def test_a_good_specification_is_neither_refused_nor_advised_against() -> None:
    assert (refusal_of(GOOD), advice_on(GOOD)) == (None, [])
    nested = {"state": {"checkpoints": {"dir": "s3://c"}, "savepoints": {"dir": "s3://s"}}}
    renamed = {"execution.checkpointing": {"dir": "s3://c", "savepoint-dir": "s3://s"}}
    for configuration in (BOTH, nested, renamed):
        spec = good(flinkConfiguration=configuration, job={"upgradeMode": "savepoint", "savepointTriggerNonce": 1})
        assert (refusal_of(spec), advice_on(spec)) == (None, [])


@pytest.mark.rule("E19", "E33", "FKO2", "FKO3", "FKO4", "FKO5", "FKO6", "FKO7", "FKO8", "FKO9", "FKO10", "FKO11")
@pytest.mark.rule("FKO12", "FKO13", "FKO14", "FKO16", "FKO17", "FKO18", "FKO19", "FKO21", "FKO22", "FKO23", "FKO30")
@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (good(flinkVersion=None), "FKO2"),
        (good(flinkVersion=" "), "FKO2"),
        (conf(**{"kubernetes.namespace": "x"}), "FKO3"),
        (good(flinkConfiguration={"kubernetes": {"cluster-id": "x"}}), "FKO3"),
        (conf(**{"high-availability.cluster-id": "x"}), "FKO3"),
        (conf(**{operator.ROLLBACK: "true", HA: "NONE"}), "FKO4"),
        (conf(**{operator.HEALTH_CHECK: "true", operator.RECOVERY: "false"}), "FKO5"),
        (good(ingress={"className": "nginx"}), "FKO6"),
        (good(logConfiguration={"log4j.xml": ""}), "FKO7"),
        (good(job={"upgradeMode": "last-state"}, flinkConfiguration={CHECKPOINTS: " "}), "FKO8"),
        (good(job={"upgradeMode": "savepoint"}, flinkConfiguration={**BOTH, SAVEPOINTS: ""}), "FKO9"),
        (good(job={"savepointTriggerNonce": 1}, flinkConfiguration={SAVEPOINTS: ""}), "FKO10"),
        (conf(**{operator.PERIODIC_SAVEPOINTS: "1h", SAVEPOINTS: ""}), "FKO11"),
        (conf(**{operator.CHECKPOINT_AGE: "1h", SAVEPOINTS: ""}), "FKO12"),
        (good(taskManager={"replicas": 0}), "FKO13"),
        (good(job={"parallelism": 0}), "FKO14"),
        (good(job={"jarURI": "local:///a.jar", "parallelism": "two"}), "FKO14"),
        (good(jobManager={"resource": {"memory": "apples"}}), "FKO16"),
        (good(jobManager={"resource": {"ephemeralStorage": "x"}}), "FKO16"),
        (good(jobManager={"resources": {"requests": {"cpu": "two"}}}), "FKO17"),
        (good(jobManager={"resources": {"limits": {"memory": "0"}}}), "FKO17"),
        (good(taskManager={"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1999m"}}}), "FKO22"),
        (good(jobManager={"replicas": 0}), "FKO18"),
        (good(jobManager={"replicas": 2}, flinkConfiguration={HA: "none"}), "FKO19"),
        (good(taskManager={"resource": {"memory": "-1g"}}), "FKO21"),
        ({**good(taskManager={"replicas": 0}), "job": None}, "FKO23"),
        (conf(**{operator.AUTOSCALER: "true", "job.autoscaler.scale-up.max-factor": "-1"}), "FKO30"),
        (conf(**{operator.AUTOSCALER: "true", "job.autoscaler.target.utilization": "much"}), "FKO30"),
    ],
)
def test_what_no_operator_takes_is_refused(spec: Json, rule: str) -> None:
    verdict = refusal_of(spec)
    assert verdict is not None
    assert (verdict.status, verdict.rule) == (422, rule)
    assert "'shop'" in verdict.message


@pytest.mark.rule("FKO17", "FKO22")
def test_requests_up_to_their_limits_are_taken() -> None:
    resources = {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": 2, "ephemeral-storage": "1Gi"}}
    assert refusal_of(good(jobManager={"resources": resources}, taskManager={"resources": resources})) is None


@pytest.mark.rule("FKO14")
def test_the_number_of_task_managers_stands_for_a_parallelism() -> None:
    spec = good(taskManager={"replicas": 1})
    del spec["job"]["parallelism"]
    assert refusal_of(spec) is None
    del spec["taskManager"]["replicas"]
    assert refusal_of(spec) is not None


@pytest.mark.rule("E33", "FKO4", "FKO8", "FKO9", "FKO10", "FKO11", "FKO12", "FKO15", "FKO19", "FKO20")
@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (conf(**{operator.ROLLBACK: "true"}), "FKO4"),
        (good(job={"upgradeMode": "last-state"}), "FKO8"),
        (good(job={"upgradeMode": "savepoint"}), "FKO8"),
        (good(job={"upgradeMode": "savepoint"}, flinkConfiguration={CHECKPOINTS: "s3://b/c"}), "FKO9"),
        (good(job={"savepointTriggerNonce": 1}), "FKO10"),
        (conf(**{operator.PERIODIC_SAVEPOINTS: "1h"}), "FKO11"),
        (conf(**{operator.CHECKPOINT_AGE: "1h"}), "FKO12"),
        (good(jobManager=None), "FKO15"),
        (good(jobManager={"replicas": 2}), "FKO19"),
        (good(taskManager=None), "FKO20"),
        ({**good(taskManager=None), "flinkConfiguration": {"taskmanager.memory.task.heap.size": "1g"}}, "FKO20"),
    ],
)
def test_what_the_operators_own_configuration_may_supply_is_advice(spec: Json, rule: str) -> None:
    assert refusal_of(spec) is None
    assert [told.rule for told in advice_on(spec)] == [rule]


@pytest.mark.rule("FKO15", "FKO20")
def test_memory_may_come_from_the_configuration() -> None:
    memory = {"jobmanager.memory.heap.size": "1g", "taskmanager.memory": {"process.size": "1g"}}
    assert advice_on({**good(jobManager=None, taskManager=None), "flinkConfiguration": memory}) == []


DEPLOYED = good(mode="native", job={"savepointRedeployNonce": 1})


@pytest.mark.rule("FKO26", "FKO27", "FKO28")
@pytest.mark.parametrize(
    ("spec", "deployed", "rule"),
    [
        (good(mode="standalone"), GOOD, "FKO26"),
        (good(), good(mode="standalone"), "FKO27"),
        (good(mode="native"), GOOD, None),
        (good(mode="standalone"), None, None),
        (good(job={"savepointRedeployNonce": 2}), DEPLOYED, "FKO28"),
        (good(job={"savepointRedeployNonce": 1}), DEPLOYED, None),
        (good(job={"savepointRedeployNonce": 2, "initialSavepointPath": "s3://s/1"}), DEPLOYED, None),
        (good(job={"savepointRedeployNonce": 2}), None, None),
        (good(), DEPLOYED, None),
    ],
)
def test_changes_of_what_is_deployed(spec: Json, deployed: Json | None, rule: str | None) -> None:
    verdict = operator.change("spec", spec, deployed)
    assert (verdict.rule if verdict else None) == rule


switch = st.sampled_from(["true", "false"])
directory = st.sampled_from(["s3://b/x", "", " "])
number = st.sampled_from(["0", "0.5", "1", "-1", "x", "1e3"])
size = st.sampled_from(["1024m", "2Gi", "1.5gb", "64 Mi", "7", "2 kb", "x", "-1", "1e", "m", "1.5.1g"])
OPTIONS = {
    HA: st.sampled_from(["kubernetes", "NONE", "zookeeper"]),
    CHECKPOINTS: directory,
    SAVEPOINTS: directory,
    operator.ROLLBACK: switch,
    operator.HEALTH_CHECK: switch,
    operator.RECOVERY: switch,
    operator.PERIODIC_SAVEPOINTS: st.just("1h"),
    operator.CHECKPOINT_AGE: st.just("1h"),
    operator.AUTOSCALER: switch,
    "kubernetes.cluster-id": st.just("x"),
    "jobmanager.memory.process.size": st.just("1g"),
    "taskmanager.memory.task.heap.size": st.just("1g"),
    "taskmanager.memory.managed.size": st.just("1g"),
    **dict.fromkeys(operator.AUTOSCALER_NUMBERS, number),
}


def some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


process = some({"replicas": st.integers(0, 2), "resource": some({"memory": size, "ephemeralStorage": size})})
specifications = st.fixed_dictionaries(
    {"flinkVersion": st.just("v1_20"), "serviceAccount": st.just("flink"), "flinkConfiguration": some(OPTIONS)},
    optional={
        "jobManager": process,
        "taskManager": process,
        "ingress": some({"template": st.just("{{name}}.example.org")}),
        "logConfiguration": some({"log4j-console.properties": st.just(""), "other": st.just("")}),
        "job": some(
            {
                "parallelism": st.integers(0, 2),
                "upgradeMode": st.sampled_from(["stateless", "savepoint", "last-state"]),
                "savepointTriggerNonce": st.integers(1, 2),
            }
        ),
    },
)


@given(specifications)
@example({"flinkVersion": "v1_20", "serviceAccount": "flink", "jobManager": {"resource": {"memory": "1e"}}})
@settings(max_examples=500, deadline=None)
def test_nothing_is_refused_that_the_operator_takes_and_nothing_untold_that_it_refuses(spec: Json) -> None:
    resource = {"metadata": {"name": "shop"}, "spec": spec}
    effective = specs.with_defaults("FlinkDeployment", deepcopy(spec))
    problem = validation.deployment(resource, effective, statuses.default("FlinkDeployment"))
    refusal, told = refusal_of(spec), advice_on(spec)
    if problem is None:
        assert refusal is None
        assert told == []
    else:
        assert refusal is not None or told or problem == LAST_STATE_WITHOUT_HA


LAST_STATE_WITHOUT_HA = "Job could not be upgraded with last-state while HA disabled"
"""Later operators take last-state without high availability, from the job's checkpoints."""
