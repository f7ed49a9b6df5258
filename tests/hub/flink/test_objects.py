"""The Kubernetes objects of resources."""

import json
from typing import Any

import pytest
from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB
from cmf_hub.flink.configuration import flat
from cmf_hub.flink.manifests import differs, manifest
from cmf_hub.flink.marks import ENVIRONMENT_MARK, MANAGED_BY, belongs, label_value, owner
from cmf_hub.flink.placement import places
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.flink.sql import is_query
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.flink.samples import application, environment, place, pool, record, statement

SETTINGS = Settings(statement_entry_class="org.example.SqlRunner", statement_session_jar_uri="https://jars/sql.jar")
DURABLE = {"state.checkpoints.dir": "s3://b/c", "state.savepoints.dir": "s3://b/s"}


def made(of: Record, on: Record | None = None, within: Record | None = None) -> dict[str, Any]:
    return manifest(place(of, on, within), SETTINGS)


@pytest.mark.rule("E02", "C08")
def test_an_application_is_a_deployment_in_its_environments_namespace() -> None:
    placed = place(application())
    found = manifest(placed, SETTINGS)
    assert (placed.cluster, placed.namespace) == ("spoke-1", "flink")
    assert places(placed) == (FLINK_DEPLOYMENT,)
    assert found["kind"] == "FlinkDeployment"
    assert (found["metadata"]["name"], found["metadata"]["namespace"]) == ("payments", "flink")
    assert found["spec"] == application().spec | {"serviceAccount": "flink"}


@pytest.mark.rule("C08")
def test_an_environment_without_cluster_is_on_the_default_one() -> None:
    assert place(application(), within=environment(kubernetesClusterName=None)).cluster == "default-k8s-cluster"


@pytest.mark.rule("E03", "E04", "E06")
def test_application_defaults_of_the_environment_win_field_by_field() -> None:
    defaults = {
        "metadata": {
            "labels": {"team": "data"},
            "annotations": {"fmc.platform.confluent.io/intra-cluster-ssl": "true"},
        },
        "spec": {
            "flinkConfiguration": {"state.checkpoints.dir": "s3://enforced"},
            "taskManager": {"resource": {"memory": "4g"}},
            "serviceAccount": "env-account",
        },
    }
    own = application(
        spec={"flinkConfiguration": {"state.checkpoints.dir": "s3://own", "restart-strategy.type": "none"}},
        metadata={"labels": {"team": "own", "app": "x"}},
    )
    found = made(own, within=environment(flinkApplicationDefaults=defaults))
    assert found["spec"]["flinkConfiguration"] == {
        "state.checkpoints.dir": "s3://enforced",
        "restart-strategy.type": "none",
    }
    assert found["spec"]["taskManager"] == {"resource": {"cpu": 1, "memory": "4g"}}
    assert found["spec"]["serviceAccount"] == "env-account"
    assert {"team": "data", "app": "x"}.items() <= found["metadata"]["labels"].items()
    assert found["metadata"]["annotations"]["fmc.platform.confluent.io/intra-cluster-ssl"] == "true"
    assert own.spec["flinkConfiguration"]["state.checkpoints.dir"] == "s3://own"


@pytest.mark.rule("E04")
def test_a_default_wins_however_its_key_is_written() -> None:
    nested = application(spec={"flinkConfiguration": {"state": {"checkpoints": {"dir": "s3://own"}}}})
    flat_default = {"spec": {"flinkConfiguration": {"state.checkpoints.dir": "s3://enforced"}}}
    found = made(nested, within=environment(flinkApplicationDefaults=flat_default))
    assert found["spec"]["flinkConfiguration"] == {"state.checkpoints.dir": "s3://enforced"}


@pytest.mark.rule("P05", "P17", "P22", "E22")
def test_a_shared_pool_is_a_session_cluster() -> None:
    found = made(pool())
    assert presence(place(pool())) is Presence.PRESENT
    assert found["kind"] == "FlinkDeployment"
    assert "job" not in found["spec"]
    assert (found["spec"]["mode"], found["spec"]["serviceAccount"]) == ("native", "flink")


@pytest.mark.rule("P23")
def test_native_mode_ignores_the_number_of_task_managers() -> None:
    task_manager = {"replicas": 3, "resource": {"cpu": 2}}
    assert made(pool(cluster_spec={"taskManager": task_manager}))["spec"]["taskManager"] == {"resource": {"cpu": 2}}


@pytest.mark.rule("P25")
def test_standalone_mode_keeps_the_number_of_task_managers() -> None:
    found = made(pool(cluster_spec={"mode": "standalone", "taskManager": {"replicas": 3}}))
    assert found["spec"]["taskManager"]["replicas"] == 3


@pytest.mark.rule("P26")
def test_standalone_mode_without_number_leaves_it_to_the_operator() -> None:
    assert "replicas" not in made(pool(cluster_spec={"mode": "standalone"}))["spec"]["taskManager"]


@pytest.mark.rule("P19", "P20", "P42", "P44")
@pytest.mark.parametrize(
    ("state", "expected"),
    [(None, Presence.PRESENT), ("RUNNING", Presence.PRESENT), ("SUSPENDED", Presence.ABSENT)],
)
def test_only_a_running_shared_pool_has_a_session_cluster(state: str | None, expected: Presence) -> None:
    assert presence(place(pool(state=state))) is expected


@pytest.mark.rule("P04")
def test_a_dedicated_pool_has_no_object() -> None:
    assert places(place(pool("DEDICATED"))) == ()


@pytest.mark.rule("E04", "E05", "P65")
def test_pool_defaults_of_the_environment_win_and_reach_its_statements() -> None:
    defaults = {"spec": {"clusterSpec": {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 8}}}}
    within = environment(computePoolDefaults=defaults)
    assert made(pool(), within=within)["spec"]["flinkConfiguration"] == {"taskmanager.numberOfTaskSlots": "8"}
    found = made(statement(), pool("DEDICATED"), within)
    assert found["spec"]["flinkConfiguration"] == {"taskmanager.numberOfTaskSlots": "8"}


@pytest.mark.rule("E22")
def test_pool_defaults_cannot_make_a_session_cluster_an_application() -> None:
    within = environment(computePoolDefaults={"spec": {"clusterSpec": {"job": {"jarURI": "local:///x"}}}})
    assert "job" not in made(pool(), within=within)["spec"]


@pytest.mark.rule("P04", "P09", "P66")
def test_a_statement_on_a_dedicated_pool_is_an_application_cluster_of_the_pools_spec() -> None:
    own = statement(
        spec={"flinkConfiguration": {"parallelism.default": "2"}, "properties": {"sql.current-catalog": "c"}}
    )
    found = made(own, pool("DEDICATED"))
    assert found["kind"] == "FlinkDeployment"
    assert found["metadata"]["name"] == "insert-all"
    assert found["spec"]["image"] == "confluentinc/cp-flink-sql:1.19-cp8"
    assert found["spec"]["serviceAccount"] == "flink"
    assert found["spec"]["flinkConfiguration"] == {
        "taskmanager.numberOfTaskSlots": "4",
        "parallelism.default": "2",
        "sql.current-catalog": "c",
    }
    assert found["spec"]["job"] == {
        "jarURI": "local:///opt/flink/usrlib/sql-runner.jar",
        "entryClass": "org.example.SqlRunner",
        "args": ["INSERT INTO a SELECT * FROM b"],
        "parallelism": 3,
        "state": "running",
        "upgradeMode": "stateless",
    }


@pytest.mark.rule("P05", "E23")
def test_a_statement_on_a_shared_pool_is_a_session_job_on_its_cluster() -> None:
    found = made(statement(spec={"flinkConfiguration": {"parallelism.default": "2"}}), pool())
    assert places(place(statement(), pool())) == (FLINK_SESSION_JOB,)
    assert found["kind"] == "FlinkSessionJob"
    assert found["spec"]["deploymentName"] == "pool"
    assert found["spec"]["job"]["jarURI"] == "https://jars/sql.jar"
    assert found["spec"]["flinkConfiguration"] == {"parallelism.default": "2"}


@pytest.mark.parametrize("of_pool", [pool("DEDICATED", cluster_spec={"flinkConfiguration": DURABLE}),
                                     pool(cluster_spec={"flinkConfiguration": DURABLE})])  # fmt: skip
def test_a_statement_is_stopped_with_a_savepoint_where_one_can_be_kept(of_pool: Record) -> None:
    job = made(statement(spec={"stopped": True}), of_pool)["spec"]["job"]
    assert (job["state"], job["upgradeMode"]) == ("suspended", "savepoint")


def test_a_statement_resumes_from_the_savepoint_it_is_told_to() -> None:
    start = {"initialSavepointPath": "s3://b/s/1", "allowNonRestoredState": True, "savepointRedeployNonce": 2}
    job = made(statement(spec={"startFromSavepoint": start | {"uid": None}}), pool("DEDICATED"))["spec"]["job"]
    assert start.items() <= job.items()


@pytest.mark.rule("E04")
@pytest.mark.parametrize(
    ("sql", "kind", "of_pool"),
    [
        ("INSERT INTO a SELECT 1", "detached", pool("DEDICATED")),
        ("INSERT INTO a SELECT 1", "detached", pool()),
        ("SELECT 1", "interactive", pool("DEDICATED")),
    ],
)
def test_statement_defaults_of_the_environment_win_over_the_statement(sql: str, kind: str, of_pool: Record) -> None:
    defaults = {
        "detached": {"flinkConfiguration": {"pipeline.name": "detached"}},
        "interactive": {"flinkConfiguration": {"pipeline.name": "interactive"}},
    }
    own = statement(sql=sql, spec={"flinkConfiguration": {"pipeline.name": "own", "other": "1"}})
    found = made(own, of_pool, environment(statementDefaults=defaults))
    assert {"pipeline.name": kind, "other": "1"}.items() <= found["spec"]["flinkConfiguration"].items()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select * from a", True),
        ("-- why\n/* INSERT */ ( SELECT 1)", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("VALUES (1)", True),
        ("INSERT INTO a SELECT 1", False),
        ("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END", False),
        ("", False),
        ("/* never closed", False),
    ],
)
def test_queries_are_interactive(sql: str, expected: bool) -> None:
    assert is_query(sql) is expected


def test_an_object_says_whose_it_is() -> None:
    long = "e" * 250
    of = record("FlinkApplication", "payments", application().document, scope=long)
    found = made(of)
    labels = found["metadata"]["labels"]
    assert labels[MANAGED_BY] == "cmf-hub"
    assert all(len(value) <= 63 for value in labels.values())
    assert labels[ENVIRONMENT_MARK] == label_value(long) != label_value("e" * 249)
    assert owner(found) == (Key("FlinkApplication", long, "payments"), of.uid)
    assert belongs(found, of)
    assert not belongs(found, record("FlinkApplication", "payments", {}, scope=long, uid="another"))


def test_a_user_cannot_give_an_object_to_another_resource() -> None:
    spoof = {"labels": {MANAGED_BY: "me", "cmf-hub.io/uid": "x"}, "annotations": {ENVIRONMENT_MARK: "other"}}
    found = made(application(metadata=spoof), within=environment(flinkApplicationDefaults={"metadata": spoof}))
    assert owner(found) == (Key("FlinkApplication", "prod", "payments"), "uid-of-payments")
    assert found["metadata"]["labels"][MANAGED_BY] == "cmf-hub"


def test_objects_of_others_have_no_owner() -> None:
    assert owner({"metadata": {"name": "x"}}) is None
    assert owner({"metadata": {"name": "x", "labels": {"app": "x"}, "annotations": {}}}) is None


def ended(**changes: Any) -> Record:
    status = {"lifecycleState": "STABLE", "jobStatus": {"state": "FINISHED"}, "observedGeneration": 1}
    return application(status=status | changes.pop("status", {}), **changes)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (application(), Presence.PRESENT),
        (application(state="suspended"), Presence.IF_PRESENT),
        (application(deleting=True), Presence.ABSENT),
        (ended(), Presence.UNTOUCHED),
        (ended(generation=2), Presence.PRESENT),  # its spec was changed since: the user wants it to run
        (ended(status={"lifecycleState": "UPGRADING"}), Presence.PRESENT),
        (ended(status={"lifecycleState": "SUSPENDED"}), Presence.PRESENT),
    ],
)
def test_a_job_that_has_ended_does_not_run_again_by_itself(of: Record, expected: Presence) -> None:
    assert presence(place(of)) is expected


@pytest.mark.parametrize(
    ("of", "on", "expected"),
    [
        (statement(), pool(), Presence.PRESENT),
        (statement(spec={"stopped": True}), pool(), Presence.IF_PRESENT),
        (statement(status={"phase": "COMPLETED"}, generation=2), pool(), Presence.UNTOUCHED),
        (statement(status={"phase": "FAILED", "observedGeneration": 1}), pool(), Presence.UNTOUCHED),
        (statement(status={"phase": "FAILED", "observedGeneration": 1}, generation=2), pool(), Presence.PRESENT),
        (statement(status={"phase": "FAILED", "observedGeneration": 0}), pool("DEDICATED"), Presence.PRESENT),
        (statement(status={"phase": "COMPLETED"}), pool(state="SUSPENDED"), Presence.ABSENT),
        (statement(status={"phase": "COMPLETED"}), pool(deleting=True), Presence.ABSENT),
        (statement(status={"phase": "COMPLETED"}), pool("DEDICATED", deleting=True), Presence.UNTOUCHED),
        (statement(deleting=True), pool(), Presence.ABSENT),
        (statement(), None, Presence.UNTOUCHED),
    ],
)
def test_presence_of_statements(of: Record, on: Record | None, expected: Presence) -> None:
    assert presence(place(of, on)) is expected


def test_the_object_of_a_statement_whose_pool_is_gone_is_looked_for_in_both_kinds() -> None:
    assert places(place(statement())) == (FLINK_DEPLOYMENT, FLINK_SESSION_JOB)


@pytest.mark.rule("E15")
def test_what_others_added_is_no_difference_and_what_they_changed_is() -> None:
    wanted = made(application())
    found = json.loads(json.dumps(wanted))
    found["metadata"] |= {"generation": 2, "finalizers": ["x"]}
    found["spec"]["job"]["args"] = []
    found["spec"]["jobManager"]["replicas"] = 1
    assert not differs(found, wanted)
    found["spec"]["taskManager"]["resource"]["cpu"] = 1.0
    assert not differs(found, wanted)
    found["spec"]["taskManager"]["resource"]["cpu"] = 2
    assert differs(found, wanted)
    assert differs({"metadata": found["metadata"]}, wanted)


def test_nulls_are_left_out() -> None:
    found = made(application(spec={"restartNonce": None, "podTemplate": {"spec": {"containers": [{"name": None}]}}}))
    assert "restartNonce" not in found["spec"]
    assert found["spec"]["podTemplate"] == {"spec": {"containers": [{}]}}


def test_flink_configuration_becomes_flat_text() -> None:
    nested = {"a": {"b": 1, "c": {"d": True}}, "e.f": 2.0, "g": [1, "x"], "h": None, "i": 0.5, "j": "text"}
    expected = {"a.b": "1", "a.c.d": "true", "e.f": "2", "g": "1;x", "i": "0.5", "j": "text"}
    assert flat(nested) == expected
    assert flat(None) == {}


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_flat_configuration_stays_as_it_is(configuration: dict[str, str]) -> None:
    assert flat(configuration) == configuration
