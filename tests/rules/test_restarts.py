from typing import Any

import pytest
from cmf_core.merge import merged
from cmf_core.rules import restarts
from cmf_core.rules.restarts import Happens
from hypothesis import given
from hypothesis import strategies as st

RUNNING: dict[str, Any] = {
    "image": "flink:1.20",
    "flinkVersion": "v1_20",
    "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
    "taskManager": {"resource": {"cpu": 2, "memory": "2048m"}},
    "job": {"jarURI": "local:///job.jar", "parallelism": 4, "upgradeMode": "savepoint", "state": "running"},
}
JOB = "FlinkApplication 'orders'"


def changed(**change: Any) -> dict[str, Any]:
    """Return what runs, with changes laid over it."""
    return merged(RUNNING, change)


@pytest.mark.rule("E20")
@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({}, ()),
        ({"image": "flink:1.20.1"}, ("image",)),
        ({"restartNonce": 1}, ("restartNonce",)),
        ({"job": {"parallelism": 8}}, ("job.parallelism",)),
        ({"job": {"args": ["--new"]}}, ("job.args",)),
        ({"taskManager": {"resource": {"memory": "4g"}}}, ("taskManager.resource.memory",)),
        ({"flinkConfiguration": {"a.b": 1}}, ("flinkConfiguration.a.b",)),
        ({"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2}}, ()),
        ({"flinkConfiguration": {"taskmanager": {"numberOfTaskSlots": "2"}}}, ()),
        ({"flinkConfiguration": {"kubernetes.operator.x": "y", "job.autoscaler.enabled": True}}, ()),
        ({"ingress": {"template": "x"}, "imagePullPolicy": "Always"}, ()),
        ({"job": {"upgradeMode": "last-state", "initialSavepointPath": "s3://a", "savepointTriggerNonce": 1}}, ()),
        ({"podTemplate": {}}, ()),
    ],
)
def test_only_some_changes_restart(change: dict[str, Any], because: tuple[str, ...]) -> None:
    after = changed(**change)
    assert restarts.reasons(RUNNING, after) == because
    assert restarts.needs_new_pods(RUNNING, after) is bool(because)
    assert restarts.of_job(RUNNING, after).happens is (Happens.RESTARTS if because else Happens.NOTHING)


@pytest.mark.parametrize("nonce", [{"restartNonce": 1}, {"job": {"savepointRedeployNonce": 1}}])
def test_a_nonce_that_goes_restarts_nothing(nonce: dict[str, Any]) -> None:
    assert restarts.of_job(changed(**nonce), RUNNING).happens is Happens.NOTHING


@pytest.mark.rule("E20", "E21", "E26")
@pytest.mark.parametrize(
    ("before", "after", "happens", "mode", "loses"),
    [
        ("running", "suspended", Happens.SUSPENDS, "savepoint", False),
        ("suspended", "running", Happens.RESUMES, "savepoint", False),
        ("suspended", "suspended", Happens.STAYS_SUSPENDED, "stateless", False),
        ("running", "suspended", Happens.SUSPENDS, "stateless", True),
        ("suspended", "running", Happens.RESUMES, "stateless", True),
    ],
)
def test_suspended_and_resumed(before: str, after: str, happens: Happens, mode: str, loses: bool) -> None:
    restart = restarts.of_job(
        changed(job={"state": before, "upgradeMode": mode}), changed(job={"state": after, "upgradeMode": mode})
    )
    assert (restart.happens, restart.mode, restart.loses_state) == (happens, mode, loses)


@pytest.mark.rule("E20", "E26")
def test_how_state_is_kept() -> None:
    def restart(**job: Any) -> restarts.Restart:
        return restarts.of_job(RUNNING, changed(image="other", job=job))

    assert not restart().loses_state
    assert restart(upgradeMode="stateless").loses_state
    assert restart(upgradeMode="last-state").mode == "last-state"
    anew = restart(savepointRedeployNonce=3, initialSavepointPath="s3://a")
    assert (anew.happens, anew.loses_state) == (Happens.STARTS_ANEW, True)
    newer = changed(flinkVersion="v2_0", job={"upgradeMode": "last-state"})
    assert restarts.of_job(RUNNING, newer).mode == "savepoint", "a checkpoint is for the version that made it"


@given(st.sampled_from(["stateless", "savepoint", "last-state"]), st.sampled_from(["running", "suspended"]))
def test_no_change_is_nothing(mode: str, state: str) -> None:
    spec = changed(job={"upgradeMode": mode, "state": state})
    assert restarts.job_advice(JOB, spec, spec) is None
    assert not restarts.of_job(spec, spec).loses_state


@pytest.mark.rule("E47", "E50")
def test_slots_and_sizes_are_told_with_what_they_cost() -> None:
    more = changed(flinkConfiguration={"taskmanager.numberOfTaskSlots": 1}, taskManager={"resource": {"cpu": 1}})
    told = restarts.job_advice(JOB, RUNNING, more)
    assert told is not None
    assert told.rule == "E47"
    assert "2 TaskManagers with 4 cores and 4 GiB to 4 TaskManagers with 4 cores and 8 GiB" in told.message
    assert told.message.endswith("its job goes on from a savepoint")
    back = restarts.job_advice(JOB, more, RUNNING)
    assert back is not None
    assert "4 TaskManagers with 4 cores and 8 GiB to 2 TaskManagers with 4 cores and 4 GiB" in back.message


@pytest.mark.rule("E47", "P38")
def test_a_session_cluster_restarts_with_its_pool() -> None:
    pool = {key: value for key, value in RUNNING.items() if key != "job"}
    assert restarts.session_cluster_advice("pool", pool, pool) is None
    told = restarts.session_cluster_advice("pool", pool, {**pool, "image": "other"})
    assert told is not None
    assert told.rule == "P38"
    slots = restarts.session_cluster_advice("pool", pool, {**pool, "flinkConfiguration": {}})
    assert slots is not None
    assert slots.rule == "E47"
    for was, stays, happens in (
        (True, True, Happens.STAYS_SUSPENDED),
        (True, False, Happens.RESUMES),
        (False, True, Happens.SUSPENDS),
        (False, False, Happens.NOTHING),
    ):
        assert restarts.of_session_cluster(pool, pool, was_suspended=was, suspended=stays).happens is happens
