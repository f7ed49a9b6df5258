"""What a cluster lacks, told where the user looks: service accounts, an operator that watches, room for pods."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cmf_localfleet.connection import connect
from kubernetes.client import (
    AuthenticationV1TokenRequest,
    CoreV1Api,
    RbacAuthorizationV1Api,
    V1ObjectMeta,
    V1ServiceAccount,
    V1TokenRequestSpec,
)

from tests.support.hub import GROUP, Hub, Spoke, application, lookup, pool, statement, unique
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]
NO_TASK_MANAGER = {"taskmanager.numberOfTaskSlots": "1", "standin.pending-taskmanager": "true"}
INSUFFICIENT = "0/3 nodes are available: 3 Insufficient cpu."


@pytest.fixture
def core(home: Spoke) -> Iterator[Any]:
    with connect(home.cluster.kubeconfig) as client:
        yield CoreV1Api(client)


def unschedulable_pod(core: Any, flink_cluster: str, namespace: str = "flink") -> None:
    """Make the pod of a task manager that finds no node; there are no nodes here, and no scheduler to say so."""
    name = f"{flink_cluster}-taskmanager-1-1"
    labels = {"app": flink_cluster, "component": "taskmanager", "type": "flink-native-kubernetes"}
    containers = [{"name": "flink-main-container", "image": "flink:1.20"}]
    core.create_namespaced_pod(
        namespace, {"metadata": {"name": name, "labels": labels}, "spec": {"containers": containers}}
    )
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": INSUFFICIENT}
    core.patch_namespaced_pod_status(name, namespace, {"status": {"phase": "Pending", "conditions": [condition]}})


def told(hub: Hub, path: str, field: str, text: str) -> dict[str, Any]:
    """Wait until a field of a status has a text, and return the resource."""

    def reached() -> dict[str, Any]:
        resource: dict[str, Any] = hub.get(path).json()
        return resource if text in str(lookup(resource, field)) else {}

    return wait_for(reached, f"{field} of {path} to say {text!r}", 60)


@pytest.mark.rule("E59")
def test_an_application_whose_task_manager_finds_no_node_says_so_until_it_runs(
    hub: Hub, environment: str, home: Spoke, core: Any
) -> None:
    name = unique("app")
    sent = application(name, parallelism=1)
    sent["spec"]["flinkConfiguration"] = NO_TASK_MANAGER
    hub.post(f"{environment}/applications", sent)
    unschedulable_pod(core, name)
    path = f"{environment}/applications/{name}"
    waiting = told(hub, path, "status.message", INSUFFICIENT)
    assert waiting["status"]["jobStatus"]["state"] != "RUNNING"
    assert "TaskManager pod" in waiting["status"]["message"]
    home.patch(name, {"spec": {"flinkConfiguration": {"standin.pending-taskmanager": None}}})
    sent["spec"]["flinkConfiguration"] = {"taskmanager.numberOfTaskSlots": "1"}
    hub.post(f"{environment}/applications", sent)
    assert "message" not in hub.until(path, "status.jobStatus.state", "RUNNING", 60)["status"]


@pytest.mark.rule("E59")
def test_a_statement_on_a_session_cluster_without_room_is_pending_with_the_cause(
    hub: Hub, environment: str, core: Any
) -> None:
    name, sql = unique("pool"), unique("statement")
    hub.post(f"{environment}/compute-pools", pool(name))
    hub.until(f"{environment}/compute-pools/{name}", "status.phase", "RUNNING")
    unschedulable_pod(core, name)
    sent = statement(sql, name, flinkConfiguration=NO_TASK_MANAGER)
    assert hub.post(f"{environment}/statements", sent).status_code == 200
    waiting = told(hub, f"{environment}/statements/{sql}", "status.detail", INSUFFICIENT)
    assert waiting["status"]["phase"] == "PENDING"


@pytest.mark.rule("E43", "E60")
def test_an_environment_says_that_its_namespace_has_no_service_account(hub: Hub, home: Spoke, core: Any) -> None:
    namespace = unique("bare")
    home.cluster.create_namespace(namespace)
    path = hub.environment(namespace)
    (advice,) = hub.get(path).json()["status"]["advice"]
    assert f"namespace '{namespace}' has no service account 'flink'" in advice
    core.create_namespaced_service_account(namespace, V1ServiceAccount(metadata=V1ObjectMeta(name="flink")))
    again = {"name": path.rpartition("/")[2], "kubernetesNamespace": namespace}
    assert "advice" not in hub.post("/environments", again).json()["status"]
    assert "advice" not in hub.get(path).json()["status"]
    own = {**again, "flinkApplicationDefaults": {"spec": {"serviceAccount": "orders"}}}
    assert "service account 'orders'" in hub.post("/environments", own).json()["status"]["advice"][0]


@pytest.mark.rule("C63", "E59", "E60")
def test_what_the_hub_may_not_look_at_is_said(own_hub: StartHub, home: Spoke, tmp_path: Path) -> None:
    namespace, name = unique("limited"), unique("app")
    home.cluster.create_namespace(namespace)
    kubeconfig = tmp_path / "limited"
    kubeconfig.write_text(limited(home, namespace))
    hub = own_hub()
    hub.register("limited", kubeconfig)
    environment = hub.environment(namespace, "limited")
    (advice,) = hub.get(environment).json()["status"]["advice"]
    assert "could not be looked for" in advice
    assert "serviceaccounts" in advice
    sent = application(name, parallelism=1)
    sent["spec"]["flinkConfiguration"] = NO_TASK_MANAGER
    assert hub.post(f"{environment}/applications", sent).status_code == 201
    waiting = told(hub, f"{environment}/applications/{name}", "status.message", "what it waits for is not known")
    assert "does not allow the hub to list pods" in waiting["status"]["message"]


def limited(spoke: Spoke, namespace: str) -> str:
    """Return a kubeconfig of an account that may use the operator's resources and see namespaces, and no more."""
    rules = [
        {"apiGroups": [GROUP], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    ]
    with connect(spoke.cluster.kubeconfig) as client:
        core: Any = CoreV1Api(client)
        rbac: Any = RbacAuthorizationV1Api(client)
        core.create_namespaced_service_account(namespace, V1ServiceAccount(metadata=V1ObjectMeta(name="hub")))
        rbac.create_cluster_role({"metadata": {"name": namespace}, "rules": rules})
        subject = {"kind": "ServiceAccount", "name": "hub", "namespace": namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace}
        rbac.create_cluster_role_binding({"metadata": {"name": namespace}, "subjects": [subject], "roleRef": role})
        request = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[]))
        answer = core.create_namespaced_service_account_token("hub", namespace, request)
    document = yaml.safe_load(spoke.cluster.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": answer.status.token}
    return yaml.safe_dump(document)
