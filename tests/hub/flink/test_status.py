"""What the operator's objects mean, on the recorded life of the real ones."""

import json
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from cmf_hub.flink.placement import is_shared
from cmf_hub.flink.status import reported
from cmf_hub.store import Record

from tests.hub.flink.samples import TRACES, application, environment, operator_object, place, pool, statement

READY = {"phase": "RUNNING", "additional": {"jobManagerDeploymentStatus": "READY"}}
SESSIONS = ("d1-session-deploy", "f2-delete-session-with-job", "h-standalone-session")
SESSION_JOBS = tuple(name for name in TRACES if "sessionjob" in name)


def follow(trace: str, of: Record, on: Record | None = None) -> list[dict[str, Any]]:
    """Statuses of a resource whose object goes through a trace, each computed from the one before."""
    kind = "FlinkSessionJob" if on is not None and is_shared(on) else "FlinkDeployment"
    statuses = []
    for row in TRACES[trace]:
        if row is None:
            break
        stopped = row.get("wanted") == "suspended"
        spec = {**of.spec, "stopped": stopped} if of.key.kind == "Statement" else of.spec
        changes = {"generation": row["revision"], "deleting": bool(row.get("deleting"))}
        of = replace(of, document={**of.document, "spec": spec}, **changes)
        status = reported(place(of, on), operator_object(of, row, kind))
        of = replace(of, status=status)
        statuses.append(status)
    return statuses


def phases(statuses: list[dict[str, Any]]) -> str:
    return " ".join(phase for phase, _ in groupby(status["phase"] for status in statuses))


DEDICATED_STATEMENTS = {
    "a-app-deploy": "PENDING RUNNING",
    "b-suspend-resume-savepoint": "RUNNING STOPPED PENDING RUNNING",
    "b2-suspend-resume-last-state": "RUNNING STOPPED PENDING RUNNING",
    "b3-upgrade-stateless": "RUNNING PENDING RUNNING",
    "c-savepoint-nonce": "RUNNING",
    "e-bad-memory-unit": "PENDING FAILED DELETING",
    "e-no-flink-version": "PENDING DELETING",
    "e2-invalid-change-and-restart": "PENDING RUNNING PENDING RUNNING DELETING",
    "f0-delete-suspended": "STOPPED DELETING",
    "f1-delete-running": "RUNNING DELETING",
    "g-kill-jobmanager": "RUNNING FAILING RUNNING",
    "h2-standalone-app": "PENDING RUNNING PENDING RUNNING STOPPED PENDING RUNNING DELETING",
    "k-jar-missing": "PENDING FAILING DELETING",
    "l-job-fails": "PENDING FAILED DELETING",
    "m-image-missing": "PENDING FAILING DELETING",
}


@pytest.mark.rule("P04")
@pytest.mark.parametrize(("trace", "expected"), DEDICATED_STATEMENTS.items(), ids=DEDICATED_STATEMENTS)
def test_a_statement_on_a_dedicated_pool_follows_its_deployment(trace: str, expected: str) -> None:
    assert phases(follow(trace, statement(), pool("DEDICATED"))) == expected


@pytest.mark.rule("P05")
@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ("d2-sessionjob-http", "PENDING RUNNING STOPPED PENDING RUNNING"),
        ("d4-sessionjob-no-cluster", "PENDING DELETING"),
    ],
)
def test_a_statement_on_a_shared_pool_follows_its_session_job(trace: str, expected: str) -> None:
    assert phases(follow(trace, statement(), pool(status=READY))) == expected


@pytest.mark.rule("P05")
@pytest.mark.parametrize("trace", ["d3-sessionjob-file", "d3-sessionjob-local"])
def test_a_session_job_that_cannot_be_submitted_is_failing_as_long_as_the_operator_tries(trace: str) -> None:
    statuses = follow(trace, statement(), pool(status=READY))
    assert {status["phase"] for status in statuses} == {"PENDING", "FAILING", "DELETING"}
    assert all(status["detail"] for status in statuses if status["phase"] == "FAILING")


@pytest.mark.rule("P18", "P27", "P28", "P29", "P35")
@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ("d1-session-deploy", "PENDING RUNNING"),
        ("f2-delete-session-with-job", "RUNNING DELETING"),
        ("h-standalone-session", "PENDING RUNNING PENDING RUNNING DELETING"),
    ],
)
def test_a_shared_pool_follows_its_session_cluster(trace: str, expected: str) -> None:
    assert phases(follow(trace, pool())) == expected


@pytest.mark.rule("P27", "P31", "P60", "E31")
@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ("e-forbidden-conf", "PENDING FAILED DELETING"),
        ("k-jar-missing", "PENDING FAILING DELETING"),
        ("m-image-missing", "PENDING FAILING DELETING"),
        ("g-kill-jobmanager", "RUNNING FAILING RUNNING"),
    ],
)
def test_a_broken_session_cluster_is_failing_or_failed_and_says_why(trace: str, expected: str) -> None:
    statuses = follow(trace, pool())
    assert phases(statuses) == expected
    assert all(status["message"] for status in statuses if status["phase"] in ("FAILING", "FAILED"))


@pytest.mark.rule("P28", "P33")
def test_a_changed_pool_is_pending_until_the_operator_has_taken_it_up() -> None:
    row = {"generation": 2, "revision": 1, "lifecycleState": "STABLE", "jobManager": "READY", "reconciled": 2}
    row["reconciliation"] = "DEPLOYED"
    before = pool(generation=1)
    assert reported(place(before), operator_object(before, row))["phase"] == "RUNNING"
    changed = pool(generation=2)
    assert reported(place(changed), operator_object(changed, row))["phase"] == "PENDING"  # an event from before
    applied = operator_object(changed, row | {"generation": 3, "revision": 2})
    assert without_advice(reported(place(changed), applied)) == {
        "phase": "PENDING",
        "message": "Waiting for the operator to take up the new specification",
        "additional": {"lifecycleState": "STABLE", "jobManagerDeploymentStatus": "READY"},
        "observedGeneration": 0,
    }


@pytest.mark.rule("P19", "P30", "P42", "P43", "P44")
def test_a_suspended_pool_is_suspended_once_its_session_cluster_is_gone() -> None:
    suspended = pool(state="SUSPENDED", generation=2)
    row = TRACES["d1-session-deploy"][-1]
    assert row is not None
    assert reported(place(suspended), operator_object(suspended, row))["phase"] == "PENDING"
    assert without_advice(reported(place(suspended), None)) == {"phase": "SUSPENDED", "observedGeneration": 2}
    resumed = pool(state="RUNNING", generation=3)
    assert reported(place(resumed), None)["phase"] == "PENDING"


@pytest.mark.rule("P27")
def test_a_dedicated_pool_is_dedicated_until_it_is_deleted() -> None:
    assert without_advice(reported(place(pool("DEDICATED")), None)) == {"phase": "DEDICATED"}
    assert reported(place(pool("DEDICATED", deleting=True)), None)["phase"] == "DELETING"


@pytest.mark.rule("P35")
def test_a_stuck_finalizer_shows_in_every_kind() -> None:
    row = TRACES["f1-delete-running"][1]
    assert row is not None
    for of, on, field in (
        (application(deleting=True), None, "message"),
        (pool(deleting=True), None, "message"),
        (statement(deleting=True), pool("DEDICATED"), "detail"),
    ):
        status = reported(place(of, on), operator_object(of, row | {"error": "cannot clean up"}))
        assert "DELETING" in (status.get("phase"), status.get("lifecycleState"))
        assert "flink.apache.org/finalizer" in status[field]
        assert "cannot clean up" in status[field]


@pytest.mark.rule("E28")
@pytest.mark.parametrize("trace", [name for name in TRACES if name not in (*SESSIONS, *SESSION_JOBS)])
def test_no_job_is_running_without_a_job_manager(trace: str) -> None:
    for row, app, sql in zip(
        [row for row in TRACES[trace] if row],
        follow(trace, application()),
        follow(trace, statement(), pool("DEDICATED")),
        strict=True,
    ):
        if row.get("jobManager") != "READY":
            assert app["jobStatus"]["state"] != "RUNNING"
            assert sql["phase"] != "RUNNING"


@pytest.mark.rule("E28")
def test_an_operator_that_still_says_running_without_job_manager_is_not_believed() -> None:
    row = {"generation": 1, "revision": 1, "lifecycleState": "STABLE", "job": "RUNNING", "reconciliation": "DEPLOYED"}
    row |= {"reconciled": 1, "jobManager": "DEPLOYING"}
    app, sql = application(), statement()
    assert reported(place(app), operator_object(app, row))["jobStatus"]["state"] == "RECONCILING"
    assert reported(place(sql, pool("DEDICATED")), operator_object(sql, row))["phase"] == "FAILING"
    session = operator_object(sql, {**row, "jobManager": None}, "FlinkSessionJob")
    lost = {"phase": "FAILING", "additional": {"jobManagerDeploymentStatus": "DEPLOYING"}}
    status = reported(place(sql, pool(status=lost)), session)
    assert (status["phase"], status["detail"]) == ("FAILING", "JobManager of ComputePool 'pool' is DEPLOYING")
    assert reported(place(sql, pool(status=READY)), session)["phase"] == "RUNNING"


@pytest.mark.rule("E30")
@pytest.mark.parametrize("trace", [name for name in TRACES if name not in (*SESSIONS, *SESSION_JOBS)])
def test_an_applications_status_is_the_operators_with_texts_where_clients_need_them(trace: str) -> None:
    rows = [row for row in TRACES[trace] if row]
    for row, status in zip(rows, follow(trace, application()), strict=True):
        expected = "DELETING" if row.get("deleting") else row.get("lifecycleState", "CREATED")
        assert status["lifecycleState"] == expected
        assert status.get("jobManagerDeploymentStatus") == row.get("jobManager")
        assert status.get("error") == row.get("error")
        assert isinstance(status["jobStatus"]["jobName"], str)
        assert status["jobStatus"]["state"] == row.get("job", "")
        if not row.get("deleting"):
            observed = status["observedGeneration"] == row["revision"]
            assert observed == (row.get("reconciled") == row["generation"])


def test_stable_of_the_old_spec_is_not_stable_of_the_new_one() -> None:
    """The trap of operator 1.7.0: after a change it goes on reporting STABLE, with no observedGeneration."""
    statuses = follow("b-suspend-resume-savepoint", application())
    seen = [(status["lifecycleState"], status["observedGeneration"]) for status in statuses]
    assert seen[:4] == [("DEPLOYED", 1), ("DEPLOYED", 1), ("STABLE", 1), ("SUSPENDED", 2)]
    assert seen[4] == ("SUSPENDED", 2)  # resumed, and not taken up yet: revision 3
    assert seen[-1] == ("STABLE", 3)


def test_an_invalid_change_of_a_running_application_keeps_the_generation_that_runs() -> None:
    statuses = follow("e2-invalid-change-and-restart", application())
    invalid = next(status for status in statuses if status.get("error"))
    assert (invalid["lifecycleState"], invalid["observedGeneration"]) == ("STABLE", 1)


def test_a_deletion_by_hand_does_not_hide_that_a_job_has_ended() -> None:
    """Else the job of a finished statement would run again when its object is put back."""
    row = {"generation": 2, "revision": 1, "lifecycleState": "STABLE", "job": "FINISHED", "reconciliation": "DEPLOYED"}
    row |= {"reconciled": 2, "jobManager": "READY"}
    deleted = row | {"generation": 3, "deleting": True}
    sql = statement()
    for found in (row, deleted):
        status = reported(place(sql, pool("DEDICATED")), operator_object(sql, found))
        assert (status["phase"], status["observedGeneration"]) == ("COMPLETED", 1)
    gone = reported(place(replace(sql, status=status), pool("DEDICATED")), None)
    assert gone["phase"] == "COMPLETED"
    app = application()
    status = reported(place(app), operator_object(app, deleted))
    assert (status["lifecycleState"], status["observedGeneration"]) == ("STABLE", 1)
    gone = reported(place(replace(app, status=status)), None)
    assert gone["jobStatus"]["state"] == "FINISHED"
    assert "not started again" in gone["message"]


def test_a_job_that_ended_before_it_was_upgraded_is_not_completed() -> None:
    row = {"generation": 3, "revision": 2, "lifecycleState": "UPGRADING", "job": "FINISHED", "jobManager": "READY"}
    row |= {"reconciliation": "UPGRADING", "reconciled": 3}
    sql = statement(generation=2)
    assert reported(place(sql, pool("DEDICATED")), operator_object(sql, row))["phase"] == "PENDING"


@pytest.mark.parametrize(
    ("job", "phase"),
    [
        ("FINISHED", "COMPLETED"),
        ("FAILED", "FAILED"),
        ("CANCELED", "FAILED"),
        ("RESTARTING", "FAILING"),
        ("FAILING", "FAILING"),
        ("CREATED", "PENDING"),
        ("INITIALIZING", "PENDING"),
        ("RUNNING", "RUNNING"),
    ],
)
def test_each_job_state_has_a_phase(job: str, phase: str) -> None:
    row = {"generation": 1, "revision": 1, "lifecycleState": "DEPLOYED", "job": job, "jobManager": "READY"}
    row |= {"reconciliation": "DEPLOYED", "reconciled": 1}
    sql = statement()
    assert reported(place(sql, pool("DEDICATED")), operator_object(sql, row))["phase"] == phase


def test_an_operators_error_is_shown_as_sentences() -> None:
    error = {"type": "x", "message": "no", "throwableList": [{"message": "no"}, {"message": "file not found"}]}
    row = {"generation": 1, "revision": 1, "lifecycleState": "DEPLOYED", "jobManager": "ERROR", "job": "RECONCILING"}
    sql = statement()
    found = operator_object(sql, {**row, "error": json.dumps(error)})
    assert reported(place(sql, pool("DEDICATED")), found)["detail"] == "no: file not found"
    assert reported(place(sql, pool("DEDICATED")), operator_object(sql, {**row, "error": "{"}))["detail"] == "{"


def test_a_last_reconciled_spec_that_cannot_be_read_counts_as_none() -> None:
    app = application()
    found = operator_object(app, {"generation": 1, "revision": 1, "lifecycleState": "STABLE", "jobManager": "READY"})
    for text in ("{", "[]", '{"resource_metadata": null}'):
        found["status"]["reconciliationStatus"] = {"lastReconciledSpec": text}
        assert reported(place(app), found)["observedGeneration"] == 0


def test_a_generation_that_somebody_edited_counts_as_none() -> None:
    row = {"generation": 1, "revision": 1, "lifecycleState": "STABLE", "jobManager": "READY"}
    row |= {"reconciliation": "DEPLOYED", "reconciled": 1}
    for edited in ("", "x", "-1", "²"):
        found = operator_object(pool(), row)
        found["metadata"]["annotations"] = {"cmf-hub.io/generation": edited}
        assert reported(place(pool()), found)["phase"] == "PENDING"


@pytest.mark.rule("P34")
def test_statements_whose_pool_was_deleted() -> None:
    assert reported(place(statement(status={"phase": "COMPLETED"})), None)["phase"] == "COMPLETED"
    status = reported(place(statement(status={"phase": "PENDING"})), None)
    assert (status["phase"], status["detail"]) == ("FAILED", "ComputePool 'pool' was deleted")


def test_what_the_hub_could_not_do_is_shown() -> None:
    assert reported(place(application()), None, "refused")["message"] == "refused"
    assert reported(place(pool()), None, "refused")["message"] == "refused"
    assert reported(place(statement(), pool()), None, "refused")["detail"] == "refused"


def test_an_application_that_was_created_suspended_is_suspended() -> None:
    status = reported(place(application(state="suspended")), None)
    assert (status["lifecycleState"], status["observedGeneration"]) == ("SUSPENDED", 1)
    assert status["jobStatus"] == {"jobName": "", "state": "SUSPENDED"}


def without_advice(status: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key != "advice"}


@pytest.mark.rule("E34", "E48", "P12")
def test_advice_is_of_the_present_specification_with_the_environments_defaults() -> None:
    bad = pool(cluster_spec={"image": "flink:1.20"})
    told = reported(place(bad), None)["advice"]
    assert [text.rpartition(" ")[2] for text in told] == ["[P12]", "[P59]", "[E34]", "[E48]"]
    assert told[0].startswith("ComputePool 'pool': image 'flink:1.20'")
    high = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://b/h"}
    options = {"state.checkpoints.dir": "s3://b/c", "taskmanager.numberOfTaskSlots": "1", **high}
    defaults = {"spec": {"clusterSpec": {"image": "mine/cp-flink-sql:1.19-cp8", "flinkConfiguration": options}}}
    good = environment(computePoolDefaults=defaults)
    assert "advice" not in reported(place(replace(bad, status={"advice": told}), within=good), None)
    app = application(state="suspended", status={"lifecycleState": "SUSPENDED", "advice": ["of before"]})
    (durable, slots) = reported(place(app), None)["advice"]
    assert durable.endswith("[E34]")
    assert slots.endswith("[E48]")
    within = environment(flinkApplicationDefaults={"spec": {"flinkConfiguration": options}})
    assert "advice" not in reported(place(app, within=within), None)


ENDED = {"lifecycleState": "STABLE", "observedGeneration": 1, "jobStatus": {"state": "FINISHED"}}


@pytest.mark.parametrize("status", [None, {}, {"jobStatus": None}, {"jobStatus": {"jobName": None}}, ENDED])
@pytest.mark.parametrize("row", [None, {}, {"lifecycleState": "CREATED"}, {"job": None}, {"job": "RUNNING"}])
@pytest.mark.parametrize("changes", [{}, {"state": "suspended"}, {"deleting": True}])
def test_an_applications_job_has_a_name_and_a_state_in_text_because_the_cli_fails_without(
    changes: dict[str, Any], row: dict[str, Any] | None, status: dict[str, Any] | None
) -> None:
    of = application(**changes, status=status)
    found = None if row is None else operator_object(of, {"generation": 1, "revision": 1, **row})
    job = reported(place(of), found)["jobStatus"]
    assert isinstance(job["jobName"], str)
    assert isinstance(job["state"], str)


@pytest.mark.rule("E31")
@pytest.mark.parametrize(("availability", "lost"), [("NONE", True), ("kubernetes", False)])
def test_a_job_that_began_anew_without_high_availability_has_lost_its_state(availability: str, *, lost: bool) -> None:
    stable = next(row for row in TRACES["a-app-deploy"] if row and row.get("lifecycleState") == "STABLE")

    def seen(of: Record, start: int, deployed: int = 1) -> Record:
        found = operator_object(of, {**stable, "revision": of.generation})
        found["status"]["jobStatus"]["startTime"] = str(start)
        found["status"]["reconciliationStatus"]["reconciliationTimestamp"] = deployed
        return replace(of, status=reported(place(of), found))

    of = application()
    configuration = {"high-availability.type": availability}
    spec = of.spec | {"flinkConfiguration": configuration}
    running = seen(replace(of, document={**of.document, "spec": spec}), 1_700_000_000_000)
    assert "stateLost" not in (running.status or {})
    anew = seen(seen(running, 1_700_000_060_000), 1_700_000_060_000)
    assert ("2023-11-14T22:13:20" in str((anew.status or {}).get("stateLost"))) is lost
    assert "stateLost" not in (seen(anew, 1_700_000_120_000, deployed=2).status or {})
