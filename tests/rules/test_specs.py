from typing import Any

import pytest
from cmf_core.rules.specs import application_defaults, deployment_spec, pool_defaults

pytestmark = pytest.mark.rule("SHAPE")


def test_what_is_absent_or_an_object_is_allowed() -> None:
    assert deployment_spec("spec", {"job": None, "flinkConfiguration": {}, "image": "flink"}) is None
    labelled = {"metadata": {"labels": {"a": "b"}, "annotations": None}}
    cases: list[dict[str, Any] | None] = [None, {}, {"metadata": None, "spec": {}}, labelled]
    for defaults in cases:
        assert application_defaults("prod", defaults) is None
        assert pool_defaults("prod", defaults) is None
    assert pool_defaults("prod", {"spec": {"clusterSpec": {"flinkConfiguration": {"a": 1}}}}) is None


@pytest.mark.parametrize("field", ["flinkConfiguration", "job", "jobManager", "taskManager", "podTemplate"])
@pytest.mark.parametrize("value", [True, 1, "text", [], ""])
def test_what_must_be_an_object_is_named_if_it_is_not(field: str, value: Any) -> None:
    refusal = deployment_spec("FlinkApplication 'a': spec", {field: value})
    assert refusal is not None
    assert (refusal.status, refusal.message) == (400, f"FlinkApplication 'a': spec.{field} is not an object")


@pytest.mark.parametrize(
    ("defaults", "where"),
    [
        ({"metadata": []}, "metadata is not an object"),
        ({"spec": "x"}, "spec is not an object"),
        ({"metadata": {"labels": ["a"]}}, "metadata.labels is not an object"),
        ({"metadata": {"annotations": {"a": 1}}}, "metadata.annotations.a is not a text"),
    ],
)
def test_defaults_are_named_where_they_are_wrong(defaults: dict[str, Any], where: str) -> None:
    for refusal in (application_defaults("prod", defaults), pool_defaults("prod", defaults)):
        assert refusal is not None
        assert where in refusal.message


def test_defaults_are_looked_into_as_deep_as_they_mirror() -> None:
    refusal = application_defaults("prod", {"spec": {"flinkConfiguration": 1}})
    assert refusal is not None
    assert "flinkApplicationDefaults.spec.flinkConfiguration" in refusal.message
    for defaults in ({"spec": {"clusterSpec": 1}}, {"spec": {"clusterSpec": {"job": 1}}}):
        refusal = pool_defaults("prod", defaults)
        assert refusal is not None
        assert "computePoolDefaults.spec.clusterSpec" in refusal.message
