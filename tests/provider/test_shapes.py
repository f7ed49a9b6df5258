"""Nested inputs: what previews refuse of them, and that they are the fields of CMF's and the operator's documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, is_typeddict

import pulumi_cmf.args
import pytest
import yaml
from cmf_core import models
from cmf_core.rules import applications
from cmf_localfleet import Workspace
from cmf_localfleet.artifacts import ensure_artifact
from pulumi_cmf import types
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.shapes import hints, unwrapped
from pulumi_cmf.lifecycle.spelling import camel

JOB = {"jar_uri": "local:///j.jar", "parallelism": 1}
SHAPES = {name: shape for name, shape in vars(types).items() if is_typeddict(shape)}


def said(kind: str, **inputs: Any) -> dict[str, str]:
    """Check inputs, and return what is told of each place."""
    checked = KINDS[kind].check({"name": "some-name", **inputs})
    return {failure.property: failure.reason for failure in checked.failures}


@pytest.mark.parametrize(
    ("spec", "place", "reason"),
    [
        ({"job": {**JOB, "jar_url": "x"}}, "spec.job.jarUrl", "is not a field of FlinkJob: did you mean jarURI?"),
        ({"task_manger": {}}, "spec.taskManger", "did you mean taskManager?"),
        ({"ingress": {"template": "/x", "xyz": 1}}, "spec.ingress.xyz", "there are annotations, className, labels, "),
        ({"ingress": {"tls": [{"host": "x"}]}}, "spec.ingress.tls[0].host", "did you mean hosts?"),
        ({"ingress": {"tls": {"hosts": []}}}, "spec.ingress.tls", "is not a list"),
        ({"mode": "nativ"}, "spec.mode", "'nativ' is not one of native, standalone"),
        ({"image_pull_policy": "always"}, "spec.imagePullPolicy", "is not one of Always, IfNotPresent, Never"),
        ({"flink_version": "1.20"}, "spec.flinkVersion", "is not one of v1_13, "),
        ({"job": {**JOB, "parallelism": "4"}}, "spec.job.parallelism", "'4' is not a whole number"),
        ({"job": {**JOB, "args": ["--n", 1]}}, "spec.job.args[1]", "'1' is not a text"),
        ({"job": {**JOB, "allow_non_restored_state": 1}}, "spec.job.allowNonRestoredState", "is not true or false"),
        ({"task_manager": {"resource": {"cpu": "1"}}}, "spec.taskManager.resource.cpu", "'1' is not a number"),
        ({"log_configuration": {"logback-console.xml": 1}}, "spec.logConfiguration.logback-console.xml", "not a text"),
    ],
)
def test_what_is_no_field_or_has_another_type_is_refused_at_preview(
    spec: dict[str, Any], place: str, reason: str
) -> None:
    told = said("FlinkApplication", environment="prod", spec={"job": JOB, **spec})
    assert list(told) == [place]
    assert reason in told[place]


def test_defaults_are_checked_as_what_they_are_laid_over() -> None:
    defaults: dict[str, Any] = {"spec": {"flink_configuration": {}}}
    told = said("Environment", kubernetes_namespace="flink", compute_pool_defaults=defaults)
    assert told == {
        "compute_pool_defaults.spec.flinkConfiguration": "is not a field of PoolSpec: there are clusterSpec"
    }
    defaults = {"spec": {"job": {"upgrade_mode": "savepiont"}}}
    told = said("Environment", kubernetes_namespace="flink", flink_application_defaults=defaults)
    assert told["flink_application_defaults.spec.job.upgradeMode"].endswith("stateless, savepoint, last-state [E20]")


def test_free_form_parts_and_newer_versions_of_flink_pass() -> None:
    free = {
        "job": JOB,
        "flink_version": "v3_1",
        "flink_configuration": {"a.b": 1, "nested": {"c": True}},
        "pod_template": {"spec": {"anything": [1, None]}},
        "task_manager": {"resources": {"limits": {"cpu": "1"}}},
    }
    assert said("FlinkApplication", environment="prod", spec=free) == {}


def test_every_class_of_args_has_the_fields_of_its_typed_dictionary() -> None:
    for name, shape in SHAPES.items():
        made = getattr(pulumi_cmf.args, f"{name}Args")(**dict.fromkeys(hints(shape), "x"))
        assert {field: getattr(made, field) for field in hints(shape)} == dict.fromkeys(hints(shape), "x")


def documented(schema: dict[str, Any], shape: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, schema and our type of each field of a custom resource's schema; type None is missing."""
    ours = {camel(name): unwrapped(hint) for name, hint in hints(shape).items()}
    for name, field in schema["properties"].items():
        type_ = ours.get(name)
        yield f"{path}.{name}", field, type_
        inner, inner_type = (field["items"], unwrapped(get_args(type_)[0])) if "items" in field else (field, type_)
        if "properties" in inner and is_typeddict(inner_type):
            yield from documented(inner, inner_type, f"{path}.{name}")


def test_applications_have_every_field_and_enum_of_the_operator_s_definition() -> None:
    folder: Path = ensure_artifact("crds", Workspace.find())
    definition = yaml.safe_load(next(folder.glob("flinkdeployments*")).read_text())
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    found = list(documented(spec, types.FlinkApplicationSpec, "spec"))
    assert len(found) > 40
    for path, field, type_ in found:
        assert type_ is not None, f"{path} is documented and not in types.py"
        if "enum" in field:
            assert set(field["enum"]) <= set(get_args(type_)), path


def test_enums_are_those_of_the_models_and_rules() -> None:
    assert get_args(types.UpgradeMode) == applications.UPGRADE_MODES
    assert get_args(types.JobState) == applications.JOB_STATES
    for ours, model in (
        (types.PoolType, models.PoolType),
        (types.PoolState, models.PoolState),
        (types.LifecycleState, models.LifecycleState),
        (types.SavepointFormat, models.SavepointFormat),
    ):
        assert get_args(ours) == tuple(model)
