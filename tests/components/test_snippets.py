"""The snippets of docs/components.md are programs: each is run, with what its reader has already."""

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.components.mocked import made_by

PAGE = Path(__file__).parents[2] / "docs" / "components.md"
SNIPPETS = dict(re.findall(r"^## (.+?)\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
FIRST = {"StateStore and Minio": "Spoke"}
"""Snippets that go on from another one."""
MADE = {
    "FlinkOperator": ("Release", "operator"),
    "Spoke": ("KubernetesCluster", "us-west"),
    "StateStore and Minio": ("Secret", "state-orders"),
    "Hub": ("StatefulSet", "hub"),
    "FlinkPlatform": ("FlinkApplication", "us-west-smoke-test"),
    "Placement": ("FlinkApplication", "orders-us-west"),
}
"""What each makes, among other things."""


def test_there_is_one_of_each_component() -> None:
    assert {*SNIPPETS} == {*MADE}
    assert len(SNIPPETS) == PAGE.read_text().count("```python")


@pytest.mark.parametrize("title", MADE)
def test_a_snippet_is_a_program(title: str) -> None:
    flink = {"image": "flink:1.20", "flink_version": "v1_20"}
    job = {"jar_uri": "local:///job.jar", "parallelism": 1}

    def program() -> None:
        names: dict[str, Any] = {"pulumi": pulumi, "config": pulumi.Config(), "kubeconfig": "{}", "flink": flink,
                                 "job": job, "access_key": "a", "secret_key": "b"}  # fmt: skip
        pulumi.runtime.set_config("test:encryptionKey", "a2V5")
        for each in filter(None, (FIRST.get(title), title)):
            exec(compile(SNIPPETS[each], f"{PAGE.name}: {each}", "exec"), names)

    made = made_by(program)
    assert MADE[title] in made, sorted(made)
