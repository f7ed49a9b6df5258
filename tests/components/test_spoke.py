"""Spoke: a cluster made ready, the hub's credential on it, and its end."""

import base64
import json
from typing import Any

import pytest
import yaml
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api

from tests.components.conftest import Components
from tests.provider.program import operations
from tests.support.hub import Hub, Spoke, unique

SPOKE = """
    spoke = Spoke(
        {name!r},
        kubeconfig=Path({kubeconfig!r}).read_text(),
        namespaces={namespaces!r},
        hub_namespace={hub!r},
        hub_account={hub!r},
        operator={{
            "chart": {{"chart": "flink-kubernetes-operator", "repository": "https://charts.example.com"}},
            "operator_namespace": {operator!r},
        }},
        {more}
    )
    environment = Environment(
        {name!r} + "-env", kubernetes_cluster_name=spoke.name, kubernetes_namespace=spoke.namespaces[{namespaces!r}[0]]
    )
    pulumi.export("state", spoke.state)
    pulumi.export("expires", spoke.expires)
"""


@pytest.mark.rule("C09", "C10", "C15", "C41", "E43", "E60")
def test_makes_a_cluster_ready_registers_it_and_lets_it_go(
    program: Components, fleet: dict[str, Spoke], cmf: Hub
) -> None:
    cluster, name = fleet["spoke"].cluster, unique("ready")
    names = {"hub": f"{name}-hub", "operator": f"{name}-operator"}

    def text(*namespaces: str, more: str = "") -> str:
        return SPOKE.format(
            name=name, kubeconfig=str(cluster.kubeconfig), namespaces=list(namespaces), more=more, **names
        )

    program.up(text(f"{name}-one"))
    assert json.loads(program.run("stack", "output", "--json"))["state"] == "CONNECTED"
    kubeconfig = _staged(cmf, name)
    claims = _claims(kubeconfig)
    assert claims["sub"] == f"system:serviceaccount:{names['hub']}:{names['hub']}"
    assert 29 * 24 * 3600 < claims["exp"] - claims["iat"] < 31 * 24 * 3600
    assert program.resources()[name]["outputs"]["state"] == "CONNECTED"
    exported = program.run("stack", "export")
    assert kubeconfig.split("token: ")[1].split()[0] not in exported

    # One namespace more, and a new credential, while the environment stays as it is.
    said = program.up(text(f"{name}-one", f"{name}-two", more="rotate='once',"))
    assert operations(said).get(f"{name}-env") is None
    assert _staged(cmf, name) != kubeconfig
    assert cmf.cluster_state(name) == "CONNECTED"

    program.run("destroy", "--yes", "--skip-preview")
    assert cmf.cluster_state(name) is None
    assert not (cmf.kubeconfigs / name).exists()
    with connect(cluster.kubeconfig) as client:
        core: Any = CoreV1Api(client)
        left = {item.metadata.name for item in core.list_namespace().items}
    assert not {each for each in left if each.startswith(name)}


def _staged(cmf: Hub, name: str) -> str:
    return (cmf.kubeconfigs / name).read_text()


def _claims(kubeconfig: str) -> dict[str, Any]:
    """Return what a kubeconfig's token says."""
    token: str = yaml.safe_load(kubeconfig)["users"][0]["user"]["token"]
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
