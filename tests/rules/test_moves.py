import json
from typing import Any

import pytest
from cmf_core.rules import Refusal, moves

JOB = "FlinkApplication 'orders' in environment 'east'"
PATH = "s3://shared/savepoints/savepoint-1"


def suspended(mode: str | None = "savepoint", *, last: str | None = PATH, upgrade: str | None = None) -> dict[str, Any]:
    """Return the status of a suspended application: how it was suspended, and the savepoints that it knows."""
    status: dict[str, Any] = {"lifecycleState": "SUSPENDED", "jobStatus": {}}
    if mode:
        spec = {"spec": {"job": {"upgradeMode": mode, "state": "suspended"}}}
        status["reconciliationStatus"] = {"lastReconciledSpec": json.dumps(spec)}
    if last:
        status["jobStatus"]["savepointInfo"] = {"lastSavepoint": {"location": last}}
    if upgrade:
        status["jobStatus"]["upgradeSavepointPath"] = upgrade
    return status


@pytest.mark.rule("E51")
@pytest.mark.parametrize(
    ("status", "path"),
    [
        (suspended(), PATH),
        (suspended("SAVEPOINT"), PATH),
        (suspended(None), PATH),
        (suspended(last="s3://old", upgrade=PATH), PATH),
        (suspended(last=None), None),
        (suspended("last-state"), None),
        (suspended("stateless"), None),
        (suspended(last=None, upgrade="KUBERNETES_LAST_STATE"), None),
        ({}, None),
    ],
)
def test_only_the_savepoint_of_the_suspension_is_taken_along(status: dict[str, Any], path: str | None) -> None:
    left = moves.savepoint_left(JOB, status)
    assert (None if isinstance(left, Refusal) else left) == path


@pytest.mark.rule("E33", "E51")
def test_state_needs_a_folder_to_be_taken_along() -> None:
    spec: dict[str, Any] = {"job": {"upgradeMode": "last-state", "state": "running"}}
    refusal = moves.leavable(JOB, spec, spec, "STABLE")
    assert refusal is not None
    assert (refusal.status, refusal.rule) == (422, "E33")
    durable = {**spec, "flinkConfiguration": {"state.savepoints.dir": "s3://shared"}}
    assert moves.leavable(JOB, spec, durable, "STABLE") is None
    assert moves.leavable(JOB, {}, {}, "STABLE") is None, "without state to keep"
    asleep: dict[str, Any] = {"job": {**spec["job"], "state": "suspended"}}
    assert moves.leavable(JOB, asleep, asleep, "SUSPENDED") is None, "its savepoint was taken before"


@pytest.mark.rule("E51")
def test_a_job_ends_with_a_savepoint_or_not_at_all() -> None:
    spec = {"flinkConfiguration": {"a": "b"}, "job": {"upgradeMode": "last-state", "state": "running"}}
    left = moves.left(spec, savepoint=True)
    assert left["job"] == {"upgradeMode": "savepoint", "state": "suspended"}
    assert left["flinkConfiguration"] == {"a": "b", **moves.NO_FALLBACK}
    assert moves.left(spec, savepoint=False) == {**spec, "job": {"upgradeMode": "last-state", "state": "suspended"}}
    assert spec["job"]["state"] == "running"


@pytest.mark.rule("E07", "E51")
def test_no_second_copy() -> None:
    assert moves.alone("orders", "west", []) is None
    refusal = moves.alone("orders", "west", ["south", "east"])
    assert refusal is not None
    assert "it is also in east, south, and would run twice" in refusal.message


@pytest.mark.rule("E51")
def test_what_is_not_there_says_where_to_go_on_from() -> None:
    assert moves.there_to_leave(JOB, PATH, present=True) is None
    refusal = moves.there_to_leave(JOB, PATH, present=False)
    assert refusal is not None
    assert PATH in refusal.message


@pytest.mark.rule("E51")
def test_a_move_is_taken_back_while_nothing_has_run() -> None:
    waiting = suspended()
    assert moves.returns(None, waiting, PATH)
    assert moves.returns({"jobStatus": {"state": "CREATED"}}, waiting, PATH)
    assert not moves.returns({"jobStatus": {"state": "RUNNING"}}, waiting, PATH)
    assert not moves.returns({"reconciliationStatus": {"lastStableSpec": "{}"}}, waiting, PATH), "it ran once"
    assert not moves.returns(None, waiting, "s3://other")
    assert not moves.returns(None, waiting, None)
    assert not moves.returns(None, None, PATH)
    assert not moves.returns(None, {**waiting, "lifecycleState": "STABLE"}, PATH)
