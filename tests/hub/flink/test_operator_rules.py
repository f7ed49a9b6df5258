"""What the operator validates of objects that the hub makes: none of it can fail, whatever users send.

The judge is the operator stand-in's DefaultValidator, which is held to the real one's.
"""

import json
from typing import Any

import pytest
from cmf_core.errors import CmfError
from cmf_core.rules import enforce, names, operator
from cmf_hub.flink.manifests import manifest, statement_spec
from cmf_hub.settings import Settings
from cmf_hub.store import Record
from flink_operator_standin import validation
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.hub.flink.samples import application, environment, place, pool, record, statement

SETTINGS = Settings(statement_session_jar_uri="https://jars/sql.jar")
KEYS = (
    "state.checkpoints.dir", "state.savepoints.dir", "high-availability.type", "kubernetes.cluster-id",
    "kubernetes.namespace", "high-availability.cluster-id", "job.autoscaler.enabled",
    "job.autoscaler.target.utilization", "kubernetes.operator.deployment.rollback.enabled",
)  # fmt: skip
NEW: dict[str, Any] = {"reconciliationStatus": {}}
"""The operator's status of an object that it has not taken up."""
CONFIGURATIONS = st.dictionaries(
    st.sampled_from(KEYS), st.sampled_from(["", "s3://b/c", "true", "0.7", "-1", "x"]), max_size=1
)


def made(of: Record, on: Record | None = None, within: Record | None = None) -> dict[str, Any]:
    return manifest(place(of, on, within), SETTINGS)


def reconciled(spec: dict[str, Any]) -> dict[str, Any]:
    """The operator's status once it has taken a spec up."""
    text = json.dumps({"spec": spec, "resource_metadata": {"metadata": {"generation": 1}}})
    return {"reconciliationStatus": {"state": "DEPLOYED", "lastReconciledSpec": text}}


@pytest.mark.rule("FKO31", "FKO32", "FKO33", "FKO35", "FKO36", "FKO37", "FKO38")
@settings(max_examples=100)
@given(CONFIGURATIONS, CONFIGURATIONS, CONFIGURATIONS, st.booleans(), st.integers(1, 9), st.booleans())
def test_a_session_job_that_the_hub_takes_is_one_that_the_operator_takes(
    of_pool: dict[str, str],
    own: dict[str, str],
    of_environment: dict[str, str],
    stopped: bool,
    parallelism: int,
    deployed: bool,
) -> None:
    within = environment(statementDefaults={"detached": {"flinkConfiguration": of_environment}})
    on = pool(cluster_spec={"flinkConfiguration": of_pool})
    of = statement(spec={"flinkConfiguration": own, "stopped": stopped, "parallelism": parallelism})
    try:
        enforce(
            operator.refused("pool", on.spec["clusterSpec"]),
            operator.refused("it", statement_spec(of.spec, within, on)),
        )
    except CmfError:
        assume(False)
    cluster, job = made(on, within=within), made(of, on, within)
    status = reconciled(made(statement(), on, within)["spec"]) if deployed else NEW
    assert validation.session_job(job["spec"], status, cluster) is None


@pytest.mark.rule("FKO36")
@pytest.mark.parametrize("key", ["kubernetes.cluster-id", "kubernetes.namespace", "high-availability.cluster-id"])
@pytest.mark.parametrize("kind", ["SHARED", "DEDICATED"])
def test_a_statement_cannot_name_a_cluster_id(key: str, kind: str) -> None:
    verdict = operator.refused(
        "it", statement_spec(statement(spec={"flinkConfiguration": {key: "x"}}).spec, environment(), pool(kind))
    )
    assert verdict is not None
    assert (verdict.status, verdict.rule) == (422, "FKO3")


@pytest.mark.rule("FKO31")
def test_the_name_of_a_shared_pool_is_one_for_session_jobs() -> None:
    name = "a" * 45
    assert names.deployment_name("ComputePool", name) is None
    assert names.deployment_name("ComputePool", name + "a") is not None
    of = statement(spec={"computePoolName": name})
    job = made(of, pool(name=name))
    assert validation.session_job(job["spec"], NEW, None) is None


@pytest.mark.rule("E42", "FKO29")
@pytest.mark.parametrize("account", [{}, {"serviceAccount": ""}, {"serviceAccount": None}])
def test_every_job_manager_has_the_account_that_may_make_task_managers(account: dict[str, Any]) -> None:
    objects = [
        made(application(spec=account)),
        made(pool(cluster_spec=account)),
        made(statement(), pool("DEDICATED", cluster_spec=account)),
        made(statement(sql="SELECT 1"), pool("DEDICATED", cluster_spec=account)),
    ]
    assert [each["spec"]["serviceAccount"] for each in objects] == ["flink"] * 4
    for each in objects:
        assert validation.deployment(each, each["spec"], NEW) is None


@pytest.mark.rule("FKO24", "FKO25")
def test_a_deployment_keeps_to_being_an_application_or_a_session_cluster() -> None:
    within = environment(
        flinkApplicationDefaults={"spec": {"job": {"parallelism": 3}}},
        computePoolDefaults={"spec": {"clusterSpec": {"job": {"jarURI": "local:///x.jar"}}}},
    )
    for of in (application(), pool()):
        before, after = made(of), made(of, within=within)
        assert ("job" in after["spec"]) is (of.key.kind == "FlinkApplication")
        assert validation.deployment(after, after["spec"], reconciled(before["spec"])) is None


@pytest.mark.rule("FKO39", "FKO41")
@pytest.mark.parametrize("path", [None, "s3://b/s"])
def test_a_snapshot_is_a_savepoint_of_a_job(path: str | None) -> None:
    spec = {"formatType": "CANONICAL", "backoffLimit": -1, "path": path}
    private = {"object": "nightly", "job": {"kind": "FlinkDeployment", "name": "payments"}}
    of = record("Savepoint", "nightly", {"metadata": {"name": "nightly"}, "spec": spec},
                scope="prod/FlinkApplication/payments", private=private)  # fmt: skip
    found = made(of)["spec"]
    assert set(found) == {"backoffLimit", "jobReference", "savepoint"}
    assert validation.snapshot(found, {"state": "TRIGGER_PENDING"}, "flink", target=made(application())) is None
