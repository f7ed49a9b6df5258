"""A hub as its users see it: a process, and HTTP."""

import itertools
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from cmf_localfleet import LocalCluster, ManagedProcess, free_port
from cmf_localfleet.connection import connect
from cmf_localfleet.services import launch_hub, start_hub
from kubernetes.client import CustomObjectsApi

from tests.support.answers import check
from tests.support.wait import wait_for

V1 = "/cmf/api/v1"
GROUP = "flink.apache.org"
CP8 = "confluentinc/cp-flink-sql:1.19-cp8"
RESOURCES = {"resource": {"memory": "1024m", "cpu": 1}}

_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """Return a name that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def application(name: str, **job: Any) -> dict[str, Any]:
    """Return an application that every rule allows."""
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "FlinkApplication",
        "metadata": {"name": name},
        "spec": {
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "serviceAccount": "flink",
            "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
            "jobManager": RESOURCES,
            "taskManager": RESOURCES,
            "job": {
                "jarURI": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
                "parallelism": 2,
                "upgradeMode": "stateless",
                "state": "running",
                **job,
            },
        },
    }


def pool(name: str, kind: str = "SHARED", *, cluster: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a compute pool that every rule allows."""
    cluster_spec = {"image": CP8, "flinkVersion": "v1_19", "jobManager": RESOURCES, "taskManager": RESOURCES}
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "ComputePool",
        "metadata": {"name": name},
        "spec": {"type": kind, "clusterSpec": {**cluster_spec, **(cluster or {})}, **spec},
    }


def statement(name: str, pool_name: str, **spec: Any) -> dict[str, Any]:
    """Return a statement that every rule allows."""
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "Statement",
        "metadata": {"name": name},
        "spec": {"statement": "INSERT INTO a SELECT * FROM b", "computePoolName": pool_name, **spec},
    }


def secret(name: str, data: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """Return a secret; without data, its spec has none."""
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "Secret",
        "metadata": {"name": name, **metadata},
        "spec": {} if data is None else {"data": data},
    }


def mapping(name: str, secret_name: str) -> dict[str, Any]:
    """Return a secret mapping of an environment."""
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "EnvironmentSecretMapping",
        "metadata": {"name": name},
        "spec": {"secretName": secret_name},
    }


ONE_HEARTBEAT = {"CMF_K8S_HEARTBEAT_INTERVAL_SECONDS": "600", "CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS": "30"}
"""Settings of a hub that probes its clusters when it starts, and not again while a test runs."""


class Hub:
    """A running `cmf-hub serve`, and an HTTP client of it."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        self.directory = directory
        self.settings = {
            "CMF_PORT": str(free_port()),
            "CMF_DATABASE": str(directory / "hub.db"),
            "CMF_K8S_KUBECONFIG_DIRECTORY": str(directory / "kubeconfigs"),
            "CMF_K8S_HEARTBEAT_INTERVAL_SECONDS": "0.5",
            "CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS": "0.5",
            "CMF_K8S_REQUEST_TIMEOUT_SECONDS": "6",
            "TMPDIR": str(directory / "tmp"),  # what a killed one leaves goes with its folder
            **settings,
        }
        for folder in ("kubeconfigs", "tmp"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.settings['CMF_PORT']}",
            timeout=30,
            trust_env=False,
            event_hooks={"response": [check]},
        )
        self._process: ManagedProcess | None = None

    @property
    def kubeconfigs(self) -> Path:
        """The directory whose files are clusters."""
        return self.directory / "kubeconfigs"

    @property
    def process(self) -> ManagedProcess:
        """The hub's process."""
        assert self._process is not None, "the hub was not started"
        return self._process

    def start(self) -> None:
        """Start the hub, and wait until it is ready and knows how its clusters are."""
        self._process = start_hub(self.settings, self.directory, die_with_parent=True)

    def launch(self) -> None:
        """Start the hub, and wait for nothing."""
        self._process = launch_hub(self.settings, self.directory, die_with_parent=True)

    def kill(self) -> None:
        """Kill the hub as a power cut does."""
        pid = self.process.pid
        assert pid is not None, "the hub is not running"
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.process.pid is None, "the hub to be dead")

    def crash(self) -> None:
        """Kill the hub, start it again, and wait until it is connected to its own cluster."""
        self.kill()
        self.start()
        self.connected("default-k8s-cluster")

    def stop(self) -> None:
        """Stop the hub, and close the client."""
        if self._process is not None:
            self._process.stop()
        self.http.close()

    def register(self, name: str, kubeconfig: Path) -> None:
        """Register a cluster and wait until it is CONNECTED."""
        (self.kubeconfigs / name).write_bytes(kubeconfig.read_bytes())
        self.connected(name)

    def connected(self, name: str, state: str = "CONNECTED") -> None:
        """Wait until a cluster has a state."""
        wait_for(lambda: self.cluster_state(name) == state, f"cluster {name} to be {state}")

    def cluster_state(self, name: str) -> str | None:
        """Return a cluster's state, or None if there is no such cluster."""
        answer = self.get(f"/kubernetes-clusters/{name}")
        return answer.json()["status"]["state"] if answer.status_code == 200 else None

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """GET below /cmf/api/v1."""
        return self.http.get(V1 + path, **parameters)

    def post(self, path: str, body: Any = None, **parameters: Any) -> httpx.Response:
        """POST JSON below /cmf/api/v1."""
        return self.http.post(V1 + path, json=body, **parameters)

    def put(self, path: str, body: Any = None, **parameters: Any) -> httpx.Response:
        """PUT JSON below /cmf/api/v1."""
        return self.http.put(V1 + path, json=body, **parameters)

    def delete(self, path: str, **parameters: Any) -> httpx.Response:
        """DELETE below /cmf/api/v1."""
        return self.http.delete(V1 + path, **parameters)

    def environment(self, namespace: str, cluster: str | None = None, **fields: Any) -> str:
        """Create an environment and return its path."""
        body = {"name": unique("env"), "kubernetesNamespace": namespace, **fields}
        if cluster:
            body["kubernetesClusterName"] = cluster
        answer = self.post("/environments", body)
        assert answer.status_code == 200, answer.text
        return f"/environments/{body['name']}"

    def until(self, path: str, field: str, value: Any, seconds: float = 30) -> dict[str, Any]:
        """Wait until a field of a resource (a path with dots) has a value, and return the resource."""

        def reached() -> dict[str, Any]:
            resource: dict[str, Any] = self.get(path).json()
            return resource if lookup(resource, field) == value else {}

        return wait_for(reached, f"{field} of {path} to be {value}", seconds)

    def gone(self, path: str) -> None:
        """Wait until a resource is gone."""
        wait_for(lambda: self.get(path).status_code == 404, f"{path} to be gone")


def lookup(resource: Any, field: str) -> Any:
    """Return the value of a field (a path with dots), or None."""
    for part in field.split("."):
        resource = resource.get(part) if isinstance(resource, dict) else None
    return resource


def message(answer: httpx.Response) -> str:
    """Return the message of an error; fails if the answer has not the shape of one."""
    (error,) = answer.json()["errors"]
    assert set(error) == {"message"}
    return str(error["message"])


class Spoke:
    """A cluster under a hub, as its administrator sees it."""

    def __init__(self, cluster: LocalCluster) -> None:
        self.cluster = cluster

    def deployments(self, namespace: str = "flink") -> dict[str, dict[str, Any]]:
        """Return the FlinkDeployments of a namespace by name."""
        return self._objects("flinkdeployments", namespace)

    def session_jobs(self, namespace: str = "flink") -> dict[str, dict[str, Any]]:
        """Return the FlinkSessionJobs of a namespace by name."""
        return self._objects("flinksessionjobs", namespace)

    def snapshots(self, namespace: str = "flink") -> dict[str, dict[str, Any]]:
        """Return the FlinkStateSnapshots of a namespace by name."""
        return self._objects("flinkstatesnapshots", namespace)

    def create(self, deployment: dict[str, Any], namespace: str = "flink") -> None:
        """Create a FlinkDeployment by hand."""
        head = {"apiVersion": f"{GROUP}/v1beta1", "kind": "FlinkDeployment"}
        with connect(self.cluster.kubeconfig) as client:
            CustomObjectsApi(client).create_namespaced_custom_object(
                GROUP, "v1beta1", namespace, "flinkdeployments", {**head, **deployment}
            )

    def patch(self, name: str, body: dict[str, Any], namespace: str = "flink") -> None:
        """Change a FlinkDeployment by hand."""
        with connect(self.cluster.kubeconfig) as client:
            CustomObjectsApi(client).patch_namespaced_custom_object(
                GROUP, "v1beta1", namespace, "flinkdeployments", name, body
            )

    def patch_status(self, name: str, status: dict[str, Any], namespace: str = "flink") -> None:
        """Change a FlinkDeployment's status, as the operator does."""
        with connect(self.cluster.kubeconfig) as client:
            CustomObjectsApi(client).patch_namespaced_custom_object_status(
                GROUP, "v1beta1", namespace, "flinkdeployments", name, {"status": status}
            )

    def delete(self, name: str, namespace: str = "flink") -> None:
        """Delete a FlinkDeployment by hand."""
        with connect(self.cluster.kubeconfig) as client:
            CustomObjectsApi(client).delete_namespaced_custom_object(
                GROUP, "v1beta1", namespace, "flinkdeployments", name
            )

    def _objects(self, plural: str, namespace: str) -> dict[str, dict[str, Any]]:
        with connect(self.cluster.kubeconfig) as client:
            listed: Any = CustomObjectsApi(client).list_namespaced_custom_object(GROUP, "v1beta1", namespace, plural)
        return {item["metadata"]["name"]: item for item in listed["items"]}
