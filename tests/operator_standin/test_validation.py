"""The operator's validation: one case a rule, in the operator's words."""

from collections.abc import Callable
from typing import Any

import pytest
from flink_operator_standin import flink_conf, specs, statuses, validation
from flink_operator_standin.specs import Change

from tests.operator_standin import objects
from tests.operator_standin.scenarios import APP, deployment, job
from tests.operator_standin.simulation import Simulation

Json = dict[str, Any]
Break = Callable[[Json], Any]


def problem_of(resource: Json, last: Json | None = None) -> str | None:
    """The first broken rule of a deployment whose last reconciled spec is `last`."""
    status = statuses.default("FlinkDeployment")
    if last is not None:
        status["reconciliationStatus"]["lastReconciledSpec"] = specs.dump(
            "FlinkDeployment", last, objects.GROUP, 2, first=True
        )
    spec = specs.with_defaults("FlinkDeployment", resource["spec"])
    return validation.deployment(resource, spec, status)


def conf(**options: str) -> Break:
    """Set Flink options; `__` stands for a dot, `_` for a dash."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}
    return lambda resource: resource["spec"]["flinkConfiguration"].update(named)


def put(path: str, value: Any) -> Break:
    """Set a field of the spec; None removes it."""

    def change(resource: Json) -> None:
        *parents, name = path.split(".")
        place = resource["spec"]
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[name]
        else:
            place[name] = value

    return change


def all_of(*changes: Break) -> Break:
    """Several changes."""
    return lambda resource: [change(resource) for change in changes]


def no_savepoint_directory(*changes: Break) -> Break:
    """No savepoint directory, upgrade mode stateless, and more."""
    drop: Break = lambda resource: resource["spec"]["flinkConfiguration"].pop("state.savepoints.dir")  # noqa: E731
    return all_of(drop, put("job.upgradeMode", "stateless"), *changes)


BROKEN: list[tuple[str, Break, str]] = [
    ("1", lambda resource: resource["metadata"].update(name="9app"), "The FlinkDeployment name: 9app is invalid"),
    ("1", lambda resource: resource["metadata"].update(name="a" * 46), "no more than 45 characters"),
    ("3", conf(kubernetes__cluster_id="x"), "Forbidden Flink config key: kubernetes.cluster-id"),
    ("3", conf(kubernetes__namespace="x"), "Forbidden Flink config key: kubernetes.namespace"),
    (
        "4",
        all_of(
            conf(kubernetes__operator__deployment__rollback__enabled="true"),
            put("job.upgradeMode", "stateless"),
            lambda resource: resource["spec"]["flinkConfiguration"].update({"high-availability.type": "NONE"}),
        ),
        "HA must be enabled for rollback support.",
    ),
    (
        "5",
        conf(
            kubernetes__operator__cluster__health_check__enabled="true",
            kubernetes__operator__jm_deployment_recovery__enabled="false",
        ),
        "must be enabled for job health check",
    ),
    ("6", put("ingress", {"className": "nginx"}), "Ingress template must be defined"),
    ("7", put("logConfiguration", {"log4j.xml": ""}), "Invalid log config key: log4j.xml"),
    ("8", conf(state__checkpoints__dir=" "), "Checkpoint directory[state.checkpoints.dir] must be defined"),
    ("9", conf(state__savepoints__dir=""), "Job could not be upgraded with savepoint while config key"),
    ("10", no_savepoint_directory(put("job.savepointTriggerNonce", 1)), "Savepoint could not be manually triggered"),
    (
        "11",
        no_savepoint_directory(conf(kubernetes__operator__periodic__savepoint__interval="1h")),
        "Periodic savepoints cannot be enabled",
    ),
    (
        "12",
        no_savepoint_directory(
            conf(kubernetes__operator__job__upgrade__last_state__max__allowed__checkpoint__age="1h")
        ),
        "In order to use max-checkpoint age",
    ),
    ("13", put("taskManager.replicas", 0), "TaskManager replicas must be larger than 0"),
    ("14", put("job.parallelism", 0), "Job parallelism must be larger than 0"),
    ("15", put("jobManager.resource", None), "JobManager resource memory must be defined"),
    ("16", put("jobManager.resource.ephemeralStorage", "x"), "JobManager resource ephemeral storage parse error"),
    ("18", put("jobManager.replicas", 0), "JobManager replicas should not be configured less than one."),
    ("20", put("taskManager", None), "TaskManager resource memory must be defined"),
    ("21", put("taskManager.resource.memory", "apples"), "TaskManager resource memory parse error: Character A"),
    ("29", put("serviceAccount", None), "spec.serviceAccount must be defined."),
    (
        "30",
        conf(job__autoscaler__enabled="true", job__autoscaler__scale_up__max_factor="-1"),
        "The AutoScalerOption job.autoscaler.scale-up.max-factor is invalid",
    ),
    (
        "30",
        conf(job__autoscaler__enabled="true", job__autoscaler__target__utilization="much"),
        "Invalid value in the autoscaler config job.autoscaler.target.utilization",
    ),
]


@pytest.mark.parametrize(("number", "change", "message"), BROKEN)
def test_a_broken_rule_is_told(number: str, change: Break, message: str) -> None:
    resource = objects.application()
    assert problem_of(resource) is None
    change(resource)
    assert message in (problem_of(resource) or "")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (objects.session(), objects.application(), "Cannot switch from session to job cluster"),
        (objects.application(), objects.session(), "Cannot switch from job to session cluster"),
        (objects.session(), objects.standalone_session(), "Cannot switch from native kubernetes to standalone"),
        (objects.standalone_session(), objects.session(), "Cannot switch from standalone kubernetes to native"),
    ],
)
def test_a_forbidden_change_is_told(before: Json, after: Json, message: str) -> None:
    assert message in (problem_of(after, before["spec"]) or "")


def test_another_flink_version_after_a_last_state_suspend_is_refused() -> None:
    before, after = objects.application(), objects.application()
    before["spec"]["job"] |= {"state": "suspended", "upgradeMode": "last-state"}
    after["spec"]["flinkVersion"] = "v1_19"
    assert "Changing flinkVersion after last-state suspend" in (problem_of(after, before["spec"]) or "")
    after["spec"]["job"]["upgradeMode"] = "stateless"
    assert problem_of(after, before["spec"]) is None


def test_a_redeploy_nonce_needs_a_savepoint_path() -> None:
    before, after = objects.application(), objects.application()
    after["spec"]["job"]["savepointRedeployNonce"] = 1
    assert "InitialSavepointPath must not be empty" in (problem_of(after, before["spec"]) or "")


def test_memory_may_come_from_the_configuration() -> None:
    resource = objects.application()
    resource["spec"] |= {"jobManager": None, "taskManager": None}
    resource["spec"]["flinkConfiguration"] |= {
        "jobmanager.memory.process.size": "1g",
        "taskmanager.memory.process.size": "1g",
    }
    assert problem_of(resource) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("deploymentName", "No"), "The FlinkDeployment name: No is invalid"),
        (put("job", None), "The job spec should not be empty"),
        (put("deploymentName", "app"), "Can not submit session job to application cluster"),
        (put("job.upgradeMode", "savepoint"), "Job could not be upgraded with savepoint"),
    ],
)
def test_a_session_job_is_validated_with_its_cluster(change: Break, message: str) -> None:
    world = Simulation()
    cluster, resource = objects.session(), objects.session_job()
    del cluster["spec"]["flinkConfiguration"]["state.savepoints.dir"]
    change(resource)
    name = resource["spec"]["deploymentName"]
    if name == "No":
        cluster["metadata"]["name"] = "No"
        assert message in (validation.session_job(resource["spec"], statuses.default("FlinkSessionJob"), cluster) or "")
        return
    world.apply(objects.application() if name == "app" else cluster)
    world.wait_for(deployment(name), lifecycleState="STABLE")
    world.apply(resource)
    world.run_for(10)
    assert message in world.last(job("sj"))["error"]["message"]


def test_the_cluster_of_a_session_job_cannot_be_changed() -> None:
    world = Simulation()
    for name in ("sess", "other"):
        world.apply(objects.session(name))
    world.apply(objects.session_job())
    world.wait_for(job("sj"), lifecycleState="STABLE")
    world.patch(job("sj"), {"spec": {"deploymentName": "other"}})
    world.run_for(20)
    assert world.last(job("sj"))["error"]["message"] == "The deploymentName can't be changed"
    assert world.last(job("sj"))["lifecycleState"] == "STABLE"


@pytest.mark.parametrize("version", ["v1_14", "v1_13", "nonsense"])
def test_an_unsupported_version_is_only_told_by_an_event(version: str) -> None:
    world = Simulation()
    resource = objects.application()
    resource["spec"]["flinkVersion"] = version
    world.apply(resource)
    world.run_for(60)
    assert world.told(APP) == [
        ("UnsupportedFlinkVersion", f"Flink version {version} is not supported by this operator version")
    ]
    assert world.status(APP) == {}


@pytest.mark.parametrize(
    ("text", "size"),
    [("900m", 900 << 20), ("1Gi", 1 << 30), ("1.5gb", 3 << 29), ("64 Mi", 64 << 20), ("7", 7), ("2 kb", 2048)],
)
def test_memory_is_read_in_the_units_of_flink_and_kubernetes(text: str, size: int) -> None:
    assert flink_conf.memory_bytes(text) == size


@pytest.mark.parametrize(
    ("path", "value", "change"),
    [
        ("image", "other", Change.UPGRADE),
        ("imagePullPolicy", "Always", Change.IGNORE),
        ("job.savepointTriggerNonce", 2, Change.IGNORE),
        ("job.savepointRedeployNonce", 2, Change.SAVEPOINT_REDEPLOY),
        ("job.parallelism", 3, Change.UPGRADE),
        ("restartNonce", 3, Change.UPGRADE),
        ("podTemplate.spec.terminationGracePeriodSeconds", 9, Change.UPGRADE),
    ],
)
def test_a_difference_weighs_as_much_as_its_field(path: str, value: Any, change: Change) -> None:
    before, after = objects.application(), objects.application()
    put(path, value)(after)
    assert specs.difference("FlinkDeployment", before["spec"], after["spec"]).change is change


def test_some_differences_are_lighter_than_their_field() -> None:
    before, after = objects.standalone_application()["spec"], objects.standalone_application()["spec"]
    assert specs.difference("FlinkDeployment", before, after).change is Change.NONE
    after["job"]["parallelism"] = 3
    assert specs.difference("FlinkDeployment", before, after).change is Change.SCALE
    before["restartNonce"] = 1
    after["job"]["parallelism"] = 1
    assert specs.difference("FlinkDeployment", before, after).change is Change.IGNORE
    after["flinkConfiguration"]["kubernetes.operator.reconcile.interval"] = "5 s"
    assert specs.difference("FlinkDeployment", before, after).change is Change.IGNORE
