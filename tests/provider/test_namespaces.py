"""A namespace that a cluster does not have: told beforehand, as far as anybody can know (E02)."""

from pathlib import Path
from typing import Any

import pytest
from cmf_localfleet import LocalCluster
from pulumi_cmf.lifecycle.environment import EnvironmentKind
from pulumi_cmf.lifecycle.facts import Facts, Planned
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub
from pulumi_cmf.lifecycle.unknowns import UNKNOWN
from pulumi_cmf.plugin.program import is_python

from tests.provider.program import Program, on_both_fronts
from tests.support.hub import Hub, Spoke, unique

UNLESS = "unless this update makes the namespace first"

NAMESPACE = """
import pulumi
from pulumi import dynamic

class Maker(dynamic.ResourceProvider):
    def create(self, props):
        return dynamic.CreateResult("made", props)

class Manifest(dynamic.Resource):
    def __init__(self, name, opts=None):
        super().__init__(Maker(), name, {{}}, opts)

class Region(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:Region", name, {{}}, opts)

manifest, region = Manifest("manifest"), Region("region")
in_one = Region("in one", pulumi.ResourceOptions(depends_on=[manifest]))
labelled = Environment("labelled", name={environment!r} + "-labelled", kubernetes_namespace="flink")
Environment("environment", name={environment!r}, kubernetes_namespace={namespace!r},
            opts=pulumi.ResourceOptions(depends_on={depends_on}, parent={parent}))
"""


@on_both_fronts
@pytest.mark.rule("E02")
def test_a_preview_tells_of_a_namespace_that_is_missing_and_that_nothing_can_make(program: Program) -> None:
    def text(namespace: str, depends_on: str = "[]", parent: str = "None") -> str:
        return NAMESPACE.format(
            environment=unique("environment"), namespace=namespace, depends_on=depends_on, parent=parent
        )

    for alone in (text("nowhere"), text("nowhere", "[labelled]"), text("nowhere", parent="region")):
        said = program.preview(alone, fails=True)
        assert "Environment's kubernetesNamespace 'nowhere' does not exist. [E02]" in said
        assert "create it on Kubernetes cluster 'default-k8s-cluster'" in said
        assert "Traceback" not in said
        assert UNLESS not in said, "the program knows that nothing does"
    for after_others in (text("nowhere", "[manifest]"), text("nowhere", "manifest"), text("nowhere", parent="in_one")):
        assert UNLESS not in program.preview(after_others)
    program.preview(text("flink"))


def environment(name: str, namespace: str, **properties: str) -> dict[str, Any]:
    return {"type": "cmf:Environment", "properties": {"name": name, "kubernetesNamespace": namespace, **properties}}


@pytest.mark.rule("E02")
def test_a_preview_in_yaml_warns_of_a_namespace_that_is_missing(
    program: Program, cmf: Hub, fleet: dict[str, Spoke], languages: Path
) -> None:
    def asked() -> float:
        counts = [line for line in cmf.http.get("/metrics").text.splitlines() if "/namespaces/" in line]
        return sum(float(line.rpartition(" ")[2]) for line in counts if line.startswith("cmf_http_requests_total"))

    namespace, names, before = unique("namespace"), [unique("environment") for _ in range(5)], asked()
    program.write_yaml({name: environment(name, namespace) for name in names}, languages)
    said = program.run("preview")
    for name in names:
        where = "Kubernetes cluster 'default-k8s-cluster'"
        assert (
            f"Namespace '{namespace}' does not exist on {where} yet: CMF will refuse Environment '{name}' {UNLESS}"
            in said
        )
    assert asked() == before + 1
    refused = program.up(fails=True)
    assert f"Environment's kubernetesNamespace '{namespace}' does not exist." in refused
    assert UNLESS not in refused
    fleet["home"].cluster.create_namespace(namespace)
    assert UNLESS not in program.run("preview")
    program.up()
    assert cmf.get(f"/environments/{names[0]}").status_code == 200


@pytest.mark.rule("E02")
def test_nothing_is_said_of_a_namespace_on_a_cluster_that_the_same_update_registers(
    program: Program, spoke: LocalCluster, languages: Path
) -> None:
    kubeconfig = {"name": unique("spoke"), "kubeconfig": spoke.kubeconfig.read_text()}
    on_it = environment(unique("environment"), "nowhere", kubernetesClusterName="${spoke.name}")
    resources = {"spoke": {"type": "cmf:KubernetesCluster", "properties": kubeconfig}, "environment": on_it}
    program.write_yaml(resources, languages)
    assert UNLESS not in program.run("preview")


@pytest.mark.rule("E02")
async def test_nothing_is_said_of_a_namespace_of_which_nobody_knows(hub: LifecycleHub) -> None:
    kind, facts = EnvironmentKind(), Facts(hub)
    missing = {"name": "prod", "kubernetes_namespace": "nowhere"}
    assert [each.rule for each in await kind.lacking(facts, missing)] == ["E02"]
    for unknown in ("name", "kubernetes_namespace", "kubernetes_cluster_name"):
        assert await kind.lacking(facts, {**missing, unknown: UNKNOWN}) == []
    assert await kind.lacking(facts, {**missing, "kubernetes_cluster_name": "nowhere"}) == []
    facts.plan("KubernetesCluster", "default-k8s-cluster", Planned({"kubeconfig": "another"}, {"kubeconfig": "one"}))
    assert await facts.namespace_exists("default-k8s-cluster", "nowhere") is None, "it may be another cluster then"


@pytest.mark.parametrize(
    ("file", "text", "python"),
    [
        ("Pulumi.yaml", "{name: a, runtime: python}", True),
        ("Pulumi.yml", "{name: a, runtime: {name: python, options: {virtualenv: .venv}}}", True),
        ("Pulumi.json", '{"name": "a", "runtime": "nodejs"}', False),
        ("Pulumi.yaml", "{name: a, runtime: yaml}", False),
        ("Pulumi.yaml", "name: [", False),
        ("Pulumi.yaml", "", False),
        ("other.yaml", "{name: a, runtime: python}", False),
    ],
)
def test_the_project_tells_whether_its_program_is_in_python(file: str, text: str, python: bool, tmp_path: Path) -> None:
    program = tmp_path / "main"
    program.mkdir()
    (tmp_path / file).write_text(text)
    assert is_python(program) is python
    assert is_python(tmp_path) is python
