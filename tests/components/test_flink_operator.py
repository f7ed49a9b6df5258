"""FlinkOperator: what it makes, and what a namespace more or less does."""

import json
from typing import Any

import pytest
from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api, RbacAuthorizationV1Api

from tests.components.conftest import Components
from tests.support.hub import Spoke

OPERATOR = """
    cluster = kubernetes.Provider("cluster", kubeconfig=Path({kubeconfig!r}).read_text())
    operator = FlinkOperator(
        "operator",
        pulumi.ResourceOptions(providers=[cluster]),
        chart={{"chart": "flink-kubernetes-operator", "repository": "https://charts.example.com", "version": "1.13.0"}},
        namespaces={namespaces!r},
        operator_namespace="op-operator",
        crds={crds!r},
        {more}
    )
    pulumi.export("watched", operator.namespaces)
"""


@pytest.mark.rule("E12", "E13", "E43", "E60")
def test_watches_namespaces_and_restarts_for_one_more(program: Components, fleet: dict[str, Spoke]) -> None:
    kubeconfig = fleet["spoke"].cluster.kubeconfig
    (crd,) = ensure_artifact("crds").glob("flinkstatesnapshots*.yml")  # the small one: the others take seconds

    def text(*namespaces: str, more: str = "webhook=False") -> str:
        return OPERATOR.format(kubeconfig=str(kubeconfig), namespaces=list(namespaces), crds=[str(crd)], more=more)

    program.up(text("op-one"))
    with connect(kubeconfig) as client:
        core: Any = CoreV1Api(client)
        rbac: Any = RbacAuthorizationV1Api(client)
        assert _release(core)["operatorPod"]["annotations"] == {"cmf.components/watched-namespaces": "op-one"}
        assert _names(core.list_namespaced_service_account("op-one")) == {"flink"}
        assert _names(core.list_namespaced_service_account("op-operator")) == {"flink-operator"}
        assert _names(rbac.list_namespaced_role("op-one")) == {"flink", "flink-operator"}
        bindings = {each.metadata.name: each.subjects[0] for each in rbac.list_namespaced_role_binding("op-one").items}
        assert bindings["flink-role-binding"].namespace == "op-one"
        assert bindings["flink-operator-role-binding"].namespace == "op-operator"

        # One namespace more touches the operator, and nothing of the others.
        steps = {step["urn"].rpartition("::")[2]: step["op"] for step in program.steps(text("op-one", "op-two"))}
        changed = {name: op for name, op in steps.items() if op != "same"}
        assert changed.pop("operator") == "update"
        assert set(changed.values()) == {"create"}
        assert all("op-two" in name for name in changed)
        program.up()
        assert _release(core)["watchNamespaces"] == ["op-one", "op-two"]
        assert _release(core)["operatorPod"]["annotations"] == {"cmf.components/watched-namespaces": "op-one,op-two"}
        assert json.loads(program.run("stack", "output", "--json"))["watched"] == ["op-one", "op-two"]

        # One less takes what was made for it; CRDs stay at destroy, with all that is of their kinds.
        program.up(text("op-two", more='values={"replicas": 2}'))
        assert "op-one" not in _names(core.list_namespace())
        assert _release(core)["replicas"] == 2
        assert _release(core)["webhook"] == {"create": True}
        program.run("destroy", "--yes", "--skip-preview")
        assert not {"op-two", "op-operator"} & _names(core.list_namespace())
        assert fleet["spoke"].deployments() == {}


def test_says_what_is_wrong_with_namespaces(program: Components) -> None:
    said = program.preview("FlinkOperator('operator', chart={'chart': 'a'}, namespaces=['a', 'a'])", fails=True)
    assert "name each namespace to watch once" in said


def _release(core: Any) -> dict[str, Any]:
    """Return the values that the operator was installed with."""
    found = core.read_namespaced_config_map("helm-release-operator", "op-operator")
    values: dict[str, Any] = json.loads(found.data["values"])
    return values


def _names(listed: Any) -> set[str]:
    return {item.metadata.name for item in listed.items}
