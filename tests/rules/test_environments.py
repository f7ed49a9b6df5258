"""Rules of environments and of names."""

from typing import Any

import pytest
from cmf_core.errors import BadRequest, Conflict
from cmf_core.models import Environment
from cmf_core.rules import enforce, environments, names


@pytest.mark.rule("C05")
def test_the_default_place_is_the_hub() -> None:
    assert environments.placement(None) == "default-k8s-cluster"
    assert environments.placement("spoke-1") == "spoke-1"


@pytest.mark.rule("C06", "C07")
def test_the_cluster_must_be_registered() -> None:
    enforce(environments.known_cluster("spoke-1", {"spoke-1"}))
    with pytest.raises(BadRequest, match=r"^Environment's kubernetesClusterName 'nonexistent' does not exist\.$"):
        enforce(environments.known_cluster("nonexistent", {"spoke-1"}))


@pytest.mark.rule("E02")
def test_the_namespace_must_exist() -> None:
    enforce(environments.known_namespace("flink", exists=True))
    with pytest.raises(BadRequest, match=r"^Environment's kubernetesNamespace 'fl' does not exist\.$"):
        enforce(environments.known_namespace("fl", exists=False))


@pytest.mark.rule("E02")
def test_a_namespace_may_be_made_before_its_environment() -> None:
    told = environments.namespace_to_come("prod", "fl", "spoke-1", exists=False)
    assert str(told).startswith("Namespace 'fl' does not exist on Kubernetes cluster 'spoke-1' yet")
    assert environments.namespace_to_come("prod", "fl", "spoke-1", exists=True) is None


@pytest.mark.rule("E04")
def test_defaults_that_no_operator_takes_are_told_once() -> None:
    good: dict[str, Any] = {
        "image": "flink:1.20",
        "flinkVersion": "v1_20",
        "job": {"jarURI": "local:///a.jar", "parallelism": 1},
    }
    bad = {**good, "taskManager": {"resource": {"memory": "lots"}}}
    told = environments.new_defaults("FlinkApplication 'orders'", good, bad)
    assert told is not None
    assert str(told).startswith("FlinkApplication 'orders': spec")
    assert "its job runs on as it is" in str(told)
    assert environments.new_defaults("FlinkApplication 'orders'", good, good) is None
    assert environments.new_defaults("FlinkApplication 'orders'", bad, bad) is None, "it was so before"


def environment(**fields: str) -> Environment:
    return Environment.parse({"name": "prod", **fields})


@pytest.mark.rule("E40")
@pytest.mark.parametrize(
    ("present", "sent", "field"),
    [
        ({"kubernetesNamespace": "flink"}, {}, None),
        ({"kubernetesNamespace": "flink"}, {"kubernetesNamespace": "flink"}, None),
        ({"kubernetesNamespace": "flink"}, {"kubernetesNamespace": "other"}, "kubernetesNamespace"),
        ({"kubernetesClusterName": "spoke-1"}, {"kubernetesClusterName": "spoke-2"}, "kubernetesClusterName"),
        ({}, {"kubernetesClusterName": "default-k8s-cluster"}, None),
        ({}, {"kubernetesClusterName": "spoke-1"}, "kubernetesClusterName"),
    ],
)
def test_an_environment_cannot_move(present: dict[str, str], sent: dict[str, str], field: str | None) -> None:
    verdict = environments.immutable_placement(environment(**present), environment(**sent))
    if field is None:
        assert verdict is None
    else:
        with pytest.raises(BadRequest, match=f"{field} is immutable"):
            enforce(verdict)


@pytest.mark.rule("C52")
def test_only_an_empty_environment_is_deleted() -> None:
    enforce(environments.deletable("prod", {"applications": 0, "statements": 0}))
    with pytest.raises(Conflict, match=r"not empty \(2 applications, 1 statements\)"):
        enforce(environments.deletable("prod", {"applications": 2, "compute pools": 0, "statements": 1}))


@pytest.mark.rule("NAME")
@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("prod", True),
        ("pro", False),
        ("a" * 253, True),
        ("a" * 254, False),
        ("a.b-c", True),
        ("-abc", False),
        ("a..b", False),
    ],
)
def test_names(name: str, allowed: bool) -> None:
    assert (names.resource_name("Environment", name) is None) is allowed


@pytest.mark.rule("FKO1")
@pytest.mark.parametrize(
    ("name", "allowed"),
    [("job1", True), ("1job", False), ("a" * 45, True), ("a" * 46, False), ("a.bcd", False), ("abc-", False)],
)
def test_names_of_deployments(name: str, allowed: bool) -> None:
    assert (names.deployment_name("FlinkApplication", name) is None) is allowed
