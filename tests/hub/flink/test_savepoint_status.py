import json
from typing import Any

import pytest
from cmf_core.models import SavepointStatus
from cmf_hub.flink.marks import GENERATION_ANNOTATION
from cmf_hub.flink.savepoint_status import NEW
from cmf_hub.flink.savepoints import SAVEPOINT
from cmf_hub.flink.status import reported
from cmf_hub.store import Record
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.flink.samples import place, record

NONCE = 1_795_000_000_000
SCOPE = "prod/FlinkApplication/orders"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def saved(status: dict[str, Any] | None = None, **changes: Any) -> Record:
    document = {"metadata": {"name": "sp"}, "spec": {"backoffLimit": -1, "formatType": "CANONICAL"}}
    return record(SAVEPOINT, "sp", document, SCOPE, status=status or NEW, **changes)


def by_nonce(status: dict[str, Any] | None = None) -> Record:
    private = {"job": {"kind": "FlinkDeployment", "name": "orders"}, "nonce": NONCE, "generation": 3}
    return saved(status, private=private)


def by_snapshot(status: dict[str, Any] | None = None, **changes: Any) -> Record:
    return saved(status, private={"job": {"kind": "FlinkDeployment", "name": "orders"}, "object": "o"}, **changes)


def deployment(
    info: Any = None, nonce: Any = NONCE, reconciled: Any = None, generation: int = 3, state: str = "running"
) -> dict[str, Any]:
    spec = {"job": {"savepointTriggerNonce": reconciled}}
    return {
        "metadata": {"name": "orders", "namespace": "flink", "annotations": {GENERATION_ANNOTATION: str(generation)}},
        "spec": {"job": {"savepointTriggerNonce": nonce, "state": state}},
        "status": {
            "jobStatus": {"state": "RUNNING", "savepointInfo": info},
            "reconciliationStatus": {"lastReconciledSpec": json.dumps({"spec": spec})},
        },
    }


DONE = {"location": "s3://a/b", "timeStamp": NONCE + 5, "triggerNonce": NONCE}


@pytest.mark.rule("E25")
@pytest.mark.parametrize(
    ("found", "state"),
    [
        (deployment(), "TRIGGER_PENDING"),
        (deployment({"triggerId": "x", "triggerTimestamp": NONCE}), "IN_PROGRESS"),
        (deployment({"lastSavepoint": DONE}), "COMPLETED"),
        (deployment({"lastSavepoint": {**DONE, "triggerNonce": 1}, "savepointHistory": [DONE]}), "COMPLETED"),
        (deployment({"lastSavepoint": DONE}, nonce=7, generation=9), "COMPLETED"),
        (deployment({"lastSavepoint": {**DONE, "triggerNonce": 1}}), "TRIGGER_PENDING"),
        (deployment({"lastSavepoint": {**DONE, "triggerNonce": 1}}, reconciled=NONCE), "FAILED"),
        (deployment(nonce=7, generation=2), "TRIGGER_PENDING"),
        (deployment(nonce=7, generation=4), "ABANDONED"),
        (deployment(state="suspended"), "ABANDONED"),
        (deployment({"triggerId": "x"}, state="suspended"), "ABANDONED"),
        (None, "ABANDONED"),
    ],
)
def test_what_a_job_says_of_a_savepoint_by_nonce(found: dict[str, Any] | None, state: str) -> None:
    status = reported(place(by_nonce()), found)
    assert status["state"] == state
    assert ("path" in status) is (state == "COMPLETED")
    assert ("error" in status) is (state in ("FAILED", "ABANDONED"))


@pytest.mark.rule("E25")
@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "ABANDONED"])
def test_a_savepoint_by_nonce_that_has_ended_stays_as_it_is(state: str) -> None:
    before = {**NEW, "state": state, "path": "s3://old"}
    for found in (deployment({"lastSavepoint": DONE}), deployment(state="suspended"), None):
        assert reported(place(by_nonce(before)), found) == before


@pytest.mark.rule("E27")
def test_a_snapshot_that_somebody_deleted_is_abandoned_unless_it_was_complete() -> None:
    assert reported(place(by_snapshot()), None)["state"] == "ABANDONED"
    complete = {**NEW, "state": "COMPLETED", "path": "s3://a"}
    assert reported(place(by_snapshot(complete)), None) == complete
    assert reported(place(by_snapshot(dirty=True)), None)["state"] == "TRIGGER_PENDING"


@pytest.mark.rule("E27")
def test_trouble_is_said_until_the_operator_speaks() -> None:
    found: dict[str, Any] = {"metadata": {"name": "o", "namespace": "flink"}}
    assert reported(place(by_snapshot()), found, "nobody is there")["error"] == "nobody is there"
    found["status"] = {"state": "IN_PROGRESS"}
    assert "error" not in reported(place(by_snapshot({**NEW, "error": "nobody is there"})), found, "nobody is there")


@pytest.mark.rule("FKO42")
def test_what_the_operator_refuses_of_a_snapshot_is_said() -> None:
    text = "Target for snapshot flink/payments was not found"
    found = {"metadata": {"name": "o", "namespace": "flink"}, "status": {"state": "FAILED", "error": text}}
    status = reported(place(by_snapshot()), found)
    assert (status["state"], status["error"]) == ("FAILED", text)


@given(status=ANYTHING, spec=ANYTHING, info=ANYTHING, text=ANYTHING)
def test_no_cluster_can_make_a_status_that_is_none(status: Any, spec: Any, info: Any, text: Any) -> None:
    metadata = {"name": "o", "namespace": "flink", "annotations": {GENERATION_ANNOTATION: "3"}}
    odd = {"jobStatus": {"savepointInfo": info}, "reconciliationStatus": {"lastReconciledSpec": json.dumps(text)}}
    named = {"state": "COMPLETED", "path": info, "failures": text, "error": spec, "triggerTimestamp": status}
    for of in (by_nonce(), by_snapshot()):
        for each in (status if isinstance(status, dict) else {}, odd, named):
            found = {"metadata": metadata, "spec": spec, "status": each}
            shown = reported(place(of), found)
            assert SavepointStatus.parse(json.loads(json.dumps(shown))).state
            assert all(len(str(value)) <= 3000 for value in shown.values())
