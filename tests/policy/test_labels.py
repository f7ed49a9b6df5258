"""The remediation that adds labels: it gives back every input, secrets as secrets and unknown ones as such."""

from typing import Any

import pytest
from pulumi_policy import ResourceValidationArgs, Secret
from pulumi_policy.deserialize import serialize_properties
from pulumi_policy.proxy import UnknownValueError
from pulumi_policy.secret import secrets_preserving_proxy

from tests.policy.stacks import FRONTS, UNKNOWN, Resource, options, policy

CONFIG = {"labels": {"team": "nobody", "cost": "0"}}


def remedied(front: str, resource: Resource) -> Any:
    """Return what the engine gets back."""
    given = secrets_preserving_proxy({**resource.props(front), "__provider": "pickled"})
    args = ResourceValidationArgs(resource.type(front), given, resource.urn(front, "dev"), "x", options(), None, CONFIG)
    inputs = policy("default-labels").remediate(args)
    return inputs and serialize_properties(inputs)


@pytest.mark.parametrize("front", FRONTS)
def test_missing_labels_are_added_and_all_else_stays(front: str) -> None:
    given: dict[str, Any] = {
        "kubeconfig": Secret("hidden"),
        "kubernetes_cluster_name": UNKNOWN,
        "labels": {"team": "a"},
    }
    inputs = remedied(front, Resource("KubernetesCluster", "spoke", **given))
    assert inputs["labels"] == {"team": "a", "cost": "0"}
    assert inputs["__provider"] == "pickled"
    assert inputs["kubeconfig"]["value"] == "hidden"
    assert len(inputs["kubeconfig"]) == 2, "it is marked as a secret"
    assert UNKNOWN in inputs.values()


def test_a_resource_without_labels_gets_all() -> None:
    assert remedied("plugin", Resource("Environment", "prod", labels=None))["labels"] == CONFIG["labels"]


def test_what_has_its_labels_or_can_have_none_is_left_alone() -> None:
    assert remedied("dynamic", Resource("Environment", "prod", labels={"team": UNKNOWN, "cost": "1"})) is None
    assert remedied("dynamic", Resource("Secret", "s")) is None


def test_unknown_labels_are_not_replaced() -> None:
    with pytest.raises(UnknownValueError):
        remedied("dynamic", Resource("Environment", "prod", labels=UNKNOWN))
