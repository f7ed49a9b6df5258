"""Operators as they are found: under another API group, installed in part, and with newer definitions."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cmf_localfleet import LocalCluster, ManagedProcess
from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.connection import connect
from kubernetes.client import ApiextensionsV1Api, CustomObjectsApi

from tests.support.hub import Hub, Spoke, application, message, unique
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]
GROUP = "platform.confluent.io"


@pytest.fixture
def bare_cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    """A cluster without any operator."""
    with LocalCluster(tmp_path / "confluent", die_with_parent=True) as running:
        running.create_namespace("flink")
        yield running


def install(cluster: LocalCluster, *kinds: str) -> None:
    """Install definitions under the other group, as a newer operator has them: with one version and one field more."""
    for file in sorted(ensure_artifact("crds").glob("*.yml")):
        definition = yaml.load(file.read_text(), yaml.CSafeLoader)
        if definition["spec"]["names"]["kind"] not in kinds:
            continue
        spec = definition["spec"]
        spec["group"], name = GROUP, f"{spec['names']['plural']}.{GROUP}"
        schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["spec"]["properties"]["fromLater"] = {"type": "string", "default": "x"}
        spec["versions"].append({**spec["versions"][0], "name": "v1", "storage": False})
        with connect(cluster.kubeconfig) as client:
            ApiextensionsV1Api(client).patch_custom_resource_definition(
                name,
                {**definition, "metadata": {"name": name}},
                field_manager="test",
                force=True,
                _content_type="application/apply-patch+yaml",
            )


def message_of(hub: Hub) -> str:
    return str(hub.get("/kubernetes-clusters/confluent").json()["status"]["message"])


@pytest.mark.rule("C20", "C24", "E14", "E44")
def test_an_operator_under_another_group_is_found_bit_by_bit_and_used(
    own_hub: StartHub, bare_cluster: LocalCluster, tmp_path: Path
) -> None:
    hub = own_hub(CMF_K8S_FLINK_API_GROUP=GROUP)
    hub.register("confluent", bare_cluster.kubeconfig)
    wait_for(lambda: f"CRD flinkdeployments.{GROUP}" in message_of(hub), "all definitions to be missed")
    early = {"name": unique("env"), "kubernetesNamespace": "later", "kubernetesClusterName": "confluent"}
    assert message(hub.post("/environments", early)) == "Environment's kubernetesNamespace 'later' does not exist."
    bare_cluster.create_namespace("later")
    assert "[E43]" in hub.post("/environments", early).json()["status"]["advice"][0]
    install(bare_cluster, "FlinkDeployment")
    wait_for(lambda: f"warning: CRD flinksessionjobs.{GROUP}" in message_of(hub), "the others to be missed")
    install(bare_cluster, "FlinkSessionJob", "FlinkStateSnapshot")
    wait_for(lambda: message_of(hub) == "Cluster is connected", "nothing to be missed")
    standin = ManagedProcess("standin", tmp_path / "standin", die_with_parent=True)
    command = Path(sys.executable).with_name("flink-operator-standin")
    standin.launch([command, "run", "--kubeconfig", bare_cluster.kubeconfig, "--speed", "50", "--group", GROUP])
    try:
        environment, name = hub.environment("flink", "confluent"), unique("app")
        path = f"{environment}/applications/{name}"
        assert hub.post(f"{environment}/applications", application(name)).status_code == 201
        hub.until(path, "status.jobStatus.state", "RUNNING", 60)
        with connect(bare_cluster.kubeconfig) as client:
            api: Any = CustomObjectsApi(client)
            found = api.get_namespaced_custom_object(GROUP, "v1beta1", "flink", "flinkdeployments", name)
        assert found["spec"]["fromLater"] == "x"
        assert hub.get(path).json()["metadata"]["generation"] == 1
    finally:
        standin.stop()


def test_one_cluster_under_two_names_is_told_on_both(own_hub: StartHub, spoke: Spoke) -> None:
    hub = own_hub()
    hub.register("twin", spoke.cluster.kubeconfig)

    def told(name: str, of: str) -> bool:
        status = hub.get(f"/kubernetes-clusters/{name}").json()["status"]
        return f"it is the same Kubernetes cluster as {of}: " in status["message"]

    wait_for(lambda: told("twin", "spoke") and told("spoke", "twin"), "both to say so")
    assert hub.cluster_state("spoke") == "CONNECTED"
    (hub.kubeconfigs / "twin").unlink()
    wait_for(lambda: not told("spoke", "twin"), "the warning to go with the other name", 40)
