"""What a user has in hand on the walk: a shell with Pulumi, the hub's address, the clusters' kubeconfigs."""

from pathlib import Path
from typing import Any

import httpx
from cmf_localfleet.connection import connect
from cmf_localfleet.exports import fleet_exports
from cmf_localfleet.fleet import Fleet
from cmf_localfleet.workspace import Workspace
from kubernetes.client import CustomObjectsApi

from tests.e2e.program import FleetProgram
from tests.support.wait import wait_for

NAMESPACE = "flink"
PLURALS = {"FlinkDeployment": "flinkdeployments", "FlinkSessionJob": "flinksessionjobs"}


class Walk(FleetProgram):
    """A fleet in `folder`, and a copy of the example's program with a stack of its own."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        super().__init__(folder, workspace)
        self.timeout = 280.0
        self.fleet = Fleet(folder / "run", die_with_parent=True)

    def start(self) -> None:
        """Start the fleet, copy the program and make its stack."""
        self.fleet.up()
        self.environment |= fleet_exports(self.fleet, self.workspace)
        super().start()

    def get(self, path: str) -> httpx.Response:
        """GET from the hub's API."""
        return httpx.get(f"{self.fleet.hub_url}/cmf/api/v1/{path}", timeout=20)

    def send(self, method: str, path: str, body: object = None, **params: str) -> httpx.Response:
        """Send a request to the hub's API."""
        return httpx.request(method, f"{self.fleet.hub_url}/cmf/api/v1/{path}", json=body, params=params, timeout=20)

    def cluster_state(self, name: str) -> str:
        """State of a registered cluster, or an empty text if there is none."""
        answer = self.get(f"kubernetes-clusters/{name}")
        return str(answer.json()["status"]["state"]) if answer.status_code == 200 else ""

    def wait_for_state(self, name: str, state: str) -> None:
        """Wait until a cluster is in a state."""
        wait_for(lambda: self.cluster_state(name) == state, f"{name} to be {state}")

    def objects(self, cluster: str) -> dict[str, dict[str, Any]]:
        """Return the Flink objects on a cluster by `Kind/namespace/name`."""
        found: dict[str, dict[str, Any]] = {}
        with connect(self.fleet.clusters[cluster].kubeconfig) as client:
            api = CustomObjectsApi(client)
            for kind, plural in PLURALS.items():
                listing = api.list_cluster_custom_object("flink.apache.org", "v1beta1", plural, _request_timeout=10)
                assert isinstance(listing, dict)
                for item in listing["items"]:
                    metadata = item["metadata"]
                    found[f"{kind}/{metadata['namespace']}/{metadata['name']}"] = item
        return found

    def delete_object(self, cluster: str, key: str) -> None:
        """Delete a Flink object by hand, and wait until it is gone."""
        kind, namespace, name = key.split("/")
        with connect(self.fleet.clusters[cluster].kubeconfig) as client:
            CustomObjectsApi(client).delete_namespaced_custom_object(
                "flink.apache.org", "v1beta1", namespace, PLURALS[kind], name, _request_timeout=10
            )
        wait_for(lambda: key not in self.objects(cluster), f"{key} to be gone from {cluster}")
