"""What an update changes, what replaces, and what a refresh calls drift."""

from typing import Any

import pytest
from pulumi_cmf.lifecycle.unknowns import UNKNOWN

from tests.provider.test_inputs import GOOD, KINDS


def diff(kind: str, **changed: Any) -> tuple[set[str], list[str], bool]:
    """Compare checked good inputs with changed ones (None leaves one out)."""
    news = {key: value for key, value in {**GOOD[kind], **changed}.items() if value is not None}
    state = {**KINDS[kind].check(GOOD[kind]).inputs, "uid": "u-1", "phase": "RUNNING"}
    difference = KINDS[kind].diff(state, KINDS[kind].check(news).inputs)
    return set(difference.changed), difference.replaces, difference.delete_first


@pytest.mark.parametrize("kind", GOOD)
def test_the_same_inputs_are_no_change(kind: str) -> None:
    assert diff(kind) == (set(), [], False)


@pytest.mark.parametrize("kind", GOOD)
def test_a_new_name_replaces_and_the_old_one_goes_afterwards(kind: str) -> None:
    assert diff(kind, name="another") == ({"name"}, ["name"], False)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        pytest.param("Environment", {"kubernetes_namespace": "other"}, marks=pytest.mark.rule("E40")),
        pytest.param("Environment", {"kubernetes_cluster_name": "spoke-1"}, marks=pytest.mark.rule("E40")),
        pytest.param("ComputePool", {"type": "DEDICATED"}, marks=pytest.mark.rule("P15")),
        ("Statement", {"statement": "SELECT 2"}),
        ("Statement", {"compute_pool_name": "other"}),
        ("Environment", {"kubernetes_namespace": UNKNOWN}),
    ],
)
def test_what_cannot_change_replaces_and_the_old_one_goes_first(kind: str, changed: dict[str, Any]) -> None:
    assert diff(kind, **changed) == ({*changed}, [*changed], True)


@pytest.mark.parametrize("kind", ["ComputePool", "FlinkApplication", "Statement"])
def test_another_environment_replaces(kind: str) -> None:
    assert diff(kind, environment="other") == ({"environment"}, ["environment"], False)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("KubernetesCluster", {"kubeconfig": "clusters: [1]"}),
        ("KubernetesCluster", {"lifecycle_state": "DECOMMISSIONED"}),
        ("Environment", {"flink_application_defaults": None}),
        ("ComputePool", {"state": "SUSPENDED"}),
        ("ComputePool", {"cluster_spec": {"image": "confluentinc/cp-flink-sql:1.19-cp9"}}),
        ("FlinkApplication", {"force_delete": True}),
        ("Statement", {"stopped": True}),
        ("Statement", {"parallelism": 4}),
    ],
)
def test_all_else_updates(kind: str, changed: dict[str, Any]) -> None:
    assert diff(kind, **changed) == ({*changed}, [], False)


@pytest.mark.rule("C05", "P17")
def test_a_default_that_is_spelled_out_is_no_change() -> None:
    assert diff("Environment", kubernetes_cluster_name="default-k8s-cluster")[0] == set()
    assert diff("ComputePool", state="RUNNING")[0] == set()
    assert diff("Statement", stopped=False)[0] == set()


def seen(kind: str, known: dict[str, Any], **present: Any) -> dict[str, Any]:
    """Return the inputs that a refresh finds where CMF has `present`."""
    return KINDS[kind].seen(known, {**known, **present})


def test_defaults_that_cmf_fills_in_are_no_drift() -> None:
    state = KINDS["FlinkApplication"].check(GOOD["FlinkApplication"]).inputs
    filled = {**state["spec"], "mode": "native", "job": {**state["spec"]["job"], "state": "running", "parallelism": 1}}
    assert seen("FlinkApplication", state, spec=filled, labels={"theirs": "1"}) == state


def test_what_somebody_changed_is_drift() -> None:
    state = KINDS["FlinkApplication"].check(GOOD["FlinkApplication"]).inputs
    suspended = {**state["spec"], "job": {**state["spec"]["job"], "state": "suspended"}}
    assert seen("FlinkApplication", state, spec=suspended)["spec"] == suspended
    pool = KINDS["ComputePool"].check(GOOD["ComputePool"]).inputs
    assert seen("ComputePool", pool, state="SUSPENDED")["state"] == "SUSPENDED"
    assert "state" not in seen("ComputePool", pool, state="RUNNING")


def test_a_key_added_to_the_users_own_configuration_is_drift() -> None:
    environment = KINDS["Environment"].check(GOOD["Environment"]).inputs
    added = {"spec": {"flinkConfiguration": {"a.b": "1", "c": "2"}}}
    assert seen("Environment", environment, flink_application_defaults=added)["flink_application_defaults"] == added


def test_reading_without_a_state_takes_all_that_cmf_has() -> None:
    present = {"name": "prod", "kubernetes_namespace": "flink", "labels": None}
    assert KINDS["Environment"].seen({"uid": None}, present) == {"name": "prod", "kubernetes_namespace": "flink"}
