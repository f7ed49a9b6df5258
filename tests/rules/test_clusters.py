"""Rules of Kubernetes clusters at their boundaries."""

import pytest
from cmf_core.errors import BadRequest, ClusterUnavailable
from cmf_core.models import ClusterState
from cmf_core.rules import clusters, enforce, names
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.rule("C32")
def test_a_connected_cluster_takes_writes() -> None:
    assert clusters.writable("spoke-1", ClusterState.CONNECTED) is None


@pytest.mark.rule("C33", "C36", "C48", "P51", "P62")
@pytest.mark.parametrize("state", [ClusterState.DISCONNECTED, ClusterState.DECOMMISSIONED])
def test_writes_elsewhere_are_503_and_name_cluster_and_state(state: ClusterState) -> None:
    with pytest.raises(ClusterUnavailable, match=f"'spoke-1' is {state}"):
        enforce(clusters.writable("spoke-1", state, "connection refused"))


@pytest.mark.rule("C35", "C37", "P61")
def test_reads_warn_unless_connected() -> None:
    assert clusters.stale_warning("spoke-1", ClusterState.CONNECTED, None) is None
    for state in (ClusterState.DISCONNECTED, ClusterState.DECOMMISSIONED):
        warning = clusters.stale_warning("spoke-1", state, "2025-04-10T10:55:00.000Z")
        assert warning
        assert all(word in warning for word in ("spoke-1", state, "stale", "2025-04-10T10:55:00.000Z"))


@pytest.mark.rule("C41")
def test_a_bound_cluster_is_not_decommissioned() -> None:
    message = (
        r"^Cannot decommission cluster 'azure-k8s-cluster': referenced by environments \[prod-azure, staging-azure\]$"
    )
    with pytest.raises(BadRequest, match=message):
        enforce(clusters.decommission("azure-k8s-cluster", ["staging-azure", "prod-azure"]))
    enforce(clusters.decommission("azure-k8s-cluster", []))


@pytest.mark.rule("C62")
@pytest.mark.parametrize(
    ("value", "allowed"), [("ACTIVE", True), ("DECOMMISSIONED", True), (None, True), ("active", False)]
)
def test_life_cycle_states(value: str | None, allowed: bool) -> None:
    assert (clusters.lifecycle_state(value) is None) is allowed


@pytest.mark.rule("C44", "C45", "C46", "C47")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [(None, {"a": "1", "b": "2"}), ({}, {"a": "1", "b": "2"}), ({"a": "1"}, {"a": "1"}), ({"c": "3"}, {"c": "3"})],
)
def test_labels_are_preserved_or_replaced_as_a_whole(sent: dict[str, str] | None, kept: dict[str, str]) -> None:
    assert clusters.merged_labels({"a": "1", "b": "2"}, sent) == kept


@pytest.mark.rule("C44")
def test_the_other_reading_clears_labels() -> None:
    assert clusters.merged_labels({"a": "1"}, {}, empty_clears=True) is None
    assert clusters.merged_labels({"a": "1"}, None, empty_clears=True) == {"a": "1"}


def states(probes: str) -> str:
    health = clusters.Health(connected=True)
    seen = ""
    for probe in probes:
        health = clusters.after_probe(health, success=probe == "S")
        seen += "C" if health.connected else "D"
    return seen


@pytest.mark.rule("C38", "C58", "C59")
@pytest.mark.parametrize(
    ("probes", "expected"), [("FF", "CC"), ("FFF", "CCD"), ("FFSFF", "CCCCC"), ("FFFS", "CCDC"), ("FFFSFF", "CCDCCC")]
)
def test_three_failures_in_a_row_disconnect_and_one_success_connects(probes: str, expected: str) -> None:
    assert states(probes) == expected


@given(st.text("SF", max_size=40))
def test_disconnected_means_the_last_three_probes_failed(probes: str) -> None:
    for n, state in enumerate(states(probes), start=1):
        assert (state == "D") is probes[:n].endswith("FFF")


def test_a_cluster_that_never_answered_is_not_connected_by_a_failure() -> None:
    assert not clusters.after_probe(clusters.Health(connected=False), success=False).connected


@pytest.mark.rule("C54", "C56", "C57", "C60")
@pytest.mark.parametrize(
    ("interval", "timeout", "rule"),
    [(60, 10, None), (10, 10, None), (0, 10, None), (9, 10, "C57"), (-1, 10, "C54"), (60, 0, "C56")],
)
def test_heartbeat_settings(interval: float, timeout: float, rule: str | None) -> None:
    verdict = clusters.heartbeat_settings(interval, timeout)
    assert (verdict.rule if verdict else None) == rule


@pytest.mark.rule("C04", "C11", "C12")
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("my-cluster", None),
        ("spoke-us-west.kubeconfig", None),
        ("a", None),
        ("default-k8s-cluster", "C04"),
        ("..data", "NAME"),
        ("Upper", "NAME"),
        ("a" * 254, "NAME"),
        ("", "NAME"),
    ],
)
def test_cluster_names(name: str, rule: str | None) -> None:
    verdict = names.cluster_name(name)
    assert (verdict.rule if verdict else None) == rule
