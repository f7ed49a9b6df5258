"""Checks of inputs: spelling, wrong values, rules, and what a preview does not know yet."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_cmf.dynamic.providers import (
    ComputePoolProvider,
    EnvironmentProvider,
    FlinkApplicationProvider,
    KubernetesClusterProvider,
    StatementProvider,
)
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.spelling import as_cmf
from pulumi_cmf.lifecycle.unknowns import UNKNOWN

KUBECONFIG = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://c'}}]\n"
GOOD: dict[str, dict[str, Any]] = {
    "KubernetesCluster": {"name": "spoke-1", "kubeconfig": KUBECONFIG, "lifecycle_state": "ACTIVE"},
    "Environment": {
        "name": "prod",
        "kubernetes_namespace": "flink",
        "flink_application_defaults": {"spec": {"flink_configuration": {"a.b": 1}}},
    },
    "ComputePool": {
        "name": "pool",
        "environment": "prod",
        "type": "SHARED",
        "cluster_spec": {"image": "confluentinc/cp-flink-sql:1.19-cp8", "task_manager": {"replicas": 2.0}},
        "timeouts": {"create": 60.0},
    },
    "FlinkApplication": {
        "name": "fraud",
        "environment": "prod",
        "spec": {"image": "flink:1.20", "job": {"jar_uri": "local:///job.jar", "upgrade_mode": "stateless"}},
    },
    "Statement": {
        "name": "counts",
        "environment": "prod",
        "statement": "SELECT 1",
        "compute_pool_name": "pool",
        "parallelism": 2.0,
        "flink_configuration": {"a": True},
    },
}
KINDS: dict[str, Kind[Any]] = {
    provider.kind.name: provider.kind
    for provider in (
        KubernetesClusterProvider,
        EnvironmentProvider,
        ComputePoolProvider,
        FlinkApplicationProvider,
        StatementProvider,
    )
}


def failures(kind: str, **changed: Any) -> dict[str, str]:
    """Check good inputs with changes (None leaves one out), and return reasons by property."""
    inputs = {key: value for key, value in {**GOOD[kind], **changed}.items() if value is not None}
    return {failure.property: failure.reason for failure in KINDS[kind].check(inputs).failures}


@pytest.mark.parametrize("kind", GOOD)
def test_good_inputs_pass(kind: str) -> None:
    assert failures(kind) == {}


def test_nested_fields_are_spelled_as_cmf_does_and_free_form_ones_as_they_are() -> None:
    template = {"spec": {"my_key": 1.0, "containers": [{"name": "flink-main-container"}]}}
    written = {
        "flink_configuration": {"my_own_key": 2.0, "on": True, "nested": {"a_b": 1.5}},
        "job_manager": {"resource": {"cpu": 1.0, "ephemeral_storage": "1Gi"}, "podTemplate": template},
        "job": {"jar_uri": "local:///j", "args": ["--a_b", "1"], "allow_non_restored_state": False, "state": None},
        "log_configuration": {"log4j_x": "y"},
    }
    assert as_cmf(written) == {
        "flinkConfiguration": {"my_own_key": "2", "on": "true", "nested": {"a_b": "1.5"}},
        "jobManager": {"resource": {"cpu": 1, "ephemeralStorage": "1Gi"}, "podTemplate": template},
        "job": {"jarURI": "local:///j", "args": ["--a_b", "1"], "allowNonRestoredState": False},
        "logConfiguration": {"log4j_x": "y"},
    }


def test_a_field_in_both_spellings_is_told() -> None:
    twice = failures("ComputePool", cluster_spec={"task_manager": {}, "taskManager": {}})
    assert twice == {"cluster_spec": "'taskManager' is given twice, in two spellings: keep one"}


@pytest.mark.parametrize(
    ("kind", "changed", "property_", "reason"),
    [
        ("Environment", {"kubernetes_namespace": None}, "kubernetes_namespace", "is required"),
        ("Environment", {"namespace": "x"}, "namespace", "is not an input"),
        ("Environment", {"labels": {"a": 1}}, "labels.a", "valid string"),
        ("Environment", {"timeouts": {"delete": -1}}, "timeouts.delete", "greater than 0"),
        ("ComputePool", {"force_delete": "yes"}, "force_delete", "valid boolean"),
        ("ComputePool", {"wait_for": "soon"}, "wait_for", "'ready' or 'accepted'"),
        ("Statement", {"parallelism": 1.5}, "parallelism", "valid integer"),
        ("Statement", {"parallelism": 0}, "parallelism", "greater than or equal to 1"),
        ("KubernetesCluster", {"kubeconfig": None}, "kubeconfig", "is required"),
        ("KubernetesCluster", {"kubeconfig": "/home/me/.kube/config"}, "kubeconfig", "text of the file, not its path"),
        ("KubernetesCluster", {"kubeconfig": "a: b: TOPSECRET"}, "kubeconfig", "is not YAML"),
    ],
)
def test_wrong_values_name_the_input(kind: str, changed: dict[str, Any], property_: str, reason: str) -> None:
    said = failures(kind, **changed)
    assert list(said) == [property_]
    assert reason in said[property_]
    assert "TOPSECRET" not in str(said)


@pytest.mark.parametrize(
    ("kind", "changed", "property_", "rule", "way_out"),
    [
        pytest.param(*case, marks=pytest.mark.rule(case[3]), id=f"{case[0]}-{case[3]}")
        for case in [
            ("KubernetesCluster", {"name": "default-k8s-cluster"}, "name", "C04", "reserved"),
            (
                "KubernetesCluster",
                {"lifecycle_state": "GONE"},
                "lifecycle_state",
                "C62",
                "'ACTIVE' or 'DECOMMISSIONED'",
            ),
            ("KubernetesCluster", {"kubeconfig": "x" * 10_485_761}, "kubeconfig", "C16", "10 MB"),
            ("ComputePool", {"type": "shared"}, "type", "P14", "'DEDICATED' or 'SHARED'"),
            ("ComputePool", {"cluster_spec": None}, "cluster_spec", "P06", "is required"),
            ("ComputePool", {"cluster_spec": {"service_account": "me"}}, "cluster_spec", "P07", "remove it"),
            ("ComputePool", {"cluster_spec": {"job": {"x": 1}}}, "cluster_spec", "P08", "remove it"),
            ("ComputePool", {"type": "DEDICATED", "state": "RUNNING"}, "state", "P16", "remove it"),
            ("ComputePool", {"cluster_spec": {"image": "cp-flink-sql:1.19-cp6"}}, "cluster_spec", "P13", "cp7"),
            ("ComputePool", {"name": "a.pool"}, "name", "FKO1", "no dots"),
            ("FlinkApplication", {"spec": {"image": "flink"}}, "spec.job", "E19", "SHARED ComputePool"),
            (
                "FlinkApplication",
                {"spec": {"job": {"jar_uri": "j", "upgrade_mode": "no"}}},
                "spec.job",
                "E20",
                "savepoint",
            ),
            ("FlinkApplication", {"spec": {"job": {"jar_uri": "j", "state": "on"}}}, "spec.job", "E21", "running"),
            ("FlinkApplication", {"name": "a" * 46}, "name", "FKO1", "at most 45 characters"),
            ("Statement", {"compute_pool_name": None}, "compute_pool_name", "P01", "is required"),
            ("Statement", {"name": "abc"}, "name", "NAME", "between 4 and 253"),
        ]
    ],
)
def test_rules_are_told_with_their_id_and_a_way_out(
    kind: str, changed: dict[str, Any], property_: str, rule: str, way_out: str
) -> None:
    said = failures(kind, **changed)
    assert list(said) == [property_]
    assert said[property_].endswith(f"[{rule}]")
    assert way_out in said[property_]


@pytest.mark.rule("C17")
def test_a_cluster_without_a_place_for_its_kubeconfig_is_told_at_preview() -> None:
    (failure,) = KINDS["KubernetesCluster"].check(GOOD["KubernetesCluster"], Settings(url="http://cmf")).failures
    assert failure.property == "kubeconfig"
    assert "set cmf:kubeconfigDirectory" in failure.reason


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all parts of a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, part in parts for path in [(*at, key), *paths(part, (*at, key))]]


def with_unknown(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a copy in which one part is unknown."""
    if not path:
        return UNKNOWN
    if isinstance(value, dict):
        return {key: with_unknown(part, path[1:]) if key == path[0] else part for key, part in value.items()}
    return [with_unknown(part, path[1:]) if index == path[0] else part for index, part in enumerate(value)]


@given(st.data())
def test_unknown_values_are_never_an_error_and_stay_in_place(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(GOOD)))
    inputs = GOOD[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        found = paths(inputs)
        if found:
            inputs = with_unknown(inputs, data.draw(st.sampled_from(found)))
    checked = KINDS[kind].check(inputs)
    assert checked.failures == []
    difference = KINDS[kind].diff(KINDS[kind].check(GOOD[kind]).inputs, checked.inputs)
    assert difference.changed == {key for key, value in inputs.items() if value != GOOD[kind][key]}


def test_wrong_values_beside_unknown_ones_are_still_told() -> None:
    said = failures("ComputePool", environment=UNKNOWN, type="BIG", cluster_spec={"image": UNKNOWN})
    assert list(said) == ["type"]
