"""Every kind through every operation, which fails in every phase: afterwards the stack and CMF agree.

The plugin is a real process, called as the engine calls it; between it and the hub is a network that fails when we
say so. By default the plugin is killed in all cells of statements, and every kind's connections are cut;
CMF_TEST_FAILURES=all kills in every cell of the table.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cmf_localfleet import LocalCluster

from tests.provider.plugin_process import PluginProcess, Resource
from tests.support import hub as samples
from tests.support.faults import Fault, FaultProxy
from tests.support.hub import Hub, lookup, unique

APPLICATION = samples.application("x")["spec"]
DURABLE = {"state.savepoints.dir": "s3://bucket/savepoints", "state.checkpoints.dir": "s3://bucket/checkpoints"}
CLUSTER_SPEC = samples.pool("x")["spec"]["clusterSpec"]


@dataclass(frozen=True)
class Base:
    """What the resources of the table stand on."""

    name: str
    environment: str
    kubeconfig: str

    def inputs(self, kind: str, name: str) -> dict[str, Any]:
        """Return what makes a resource of a kind."""
        inside = {"name": name, "environment": self.environment}
        registry = {"connectionConfig": {"schema.registry.url": "http://registry:8081"}}
        kafka = {"connectionConfig": {"bootstrap.servers": "kafka:9092"}}
        every: dict[str, dict[str, Any]] = {
            "KubernetesCluster": {"name": name, "kubeconfig": self.kubeconfig, "labels": {"a": "b"}},
            "Environment": {"name": name, "kubernetesNamespace": "flink"},
            "ComputePool": {**inside, "type": "SHARED", "clusterSpec": CLUSTER_SPEC},
            "FlinkApplication": {**inside, "spec": APPLICATION},
            "Statement": {**inside, "computePoolName": self.name, "statement": "INSERT INTO a SELECT 1"},
            "Savepoint": {**inside, "application": self.name},
            "DetachedSavepoint": {"name": name, "path": "s3://bucket/one"},
            "Secret": {"name": name, "data": {"password": "hush"}},
            "EnvironmentSecretMapping": {**inside, "secretName": self.name},
            "KafkaCatalog": {"name": name, "srInstance": registry},
            "KafkaDatabase": {"name": name, "catalog": self.name, "kafkaCluster": kafka},
        }
        return every[kind]

    def path(self, kind: str, name: str) -> str:
        """Return where it is in CMF."""
        inside = f"/environments/{self.environment}"
        return {
            "KubernetesCluster": "/kubernetes-clusters",
            "Environment": "/environments",
            "ComputePool": f"{inside}/compute-pools",
            "FlinkApplication": f"{inside}/applications",
            "Statement": f"{inside}/statements",
            "Savepoint": f"{inside}/applications/{self.name}/savepoints",
            "DetachedSavepoint": "/detached-savepoints",
            "Secret": "/secrets",
            "EnvironmentSecretMapping": f"{inside}/secret-mappings",
            "KafkaCatalog": "/catalogs/kafka",
            "KafkaDatabase": f"/catalogs/kafka/{self.name}/databases",
        }[kind] + f"/{name}"


CHANGES: Mapping[str, Mapping[str, Any]] = {
    "KubernetesCluster": {"labels": {"a": "c"}},
    "Environment": {"labels": {"a": "c"}},
    "ComputePool": {"clusterSpec": {**CLUSTER_SPEC, "taskManager": {"resource": {"memory": "2048m", "cpu": 1}}}},
    "FlinkApplication": {"spec": {**APPLICATION, "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "4"}}},
    "Statement": {"stopped": True},
    "Secret": {"data": {"password": "other"}},
    "EnvironmentSecretMapping": {"labels": {"a": "c"}},
    "KafkaCatalog": {"labels": {"a": "c"}},
    "KafkaDatabase": {"labels": {"a": "c"}},
}
"""What an update changes; savepoints have none."""

KINDS = (*CHANGES, "Savepoint", "DetachedSavepoint")
UPSERTED = ("Environment", "FlinkApplication")
AWAITED = ("KubernetesCluster", "ComputePool", "FlinkApplication", "Statement", "Savepoint")
PHASES = ("request", "answer", "wait", "state")


def method(kind: str, operation: str) -> str:
    """Return the method of the request that does it; clusters are registered by a file, and then labelled."""
    if kind == "KubernetesCluster":
        return "PUT"
    if operation == "update":
        return "POST" if kind in UPSERTED else "PUT"
    return {"create": "POST", "delete": "DELETE"}[operation]


CELLS = [
    pytest.param(kind, operation, phase, id=f"{kind}-{operation}-{phase}")
    for kind in KINDS
    for operation in ("create", "update", "delete")
    for phase in PHASES
    if (operation != "update" or kind in CHANGES) and (phase != "wait" or kind in AWAITED)
]
KILLED = [cell for cell in CELLS if os.environ.get("CMF_TEST_FAILURES") == "all" or cell.values[0] == "Statement"]


@pytest.fixture(scope="session")
def proxy(cmf: Hub) -> Iterator[FaultProxy]:
    """The way to the hub."""
    with FaultProxy(str(cmf.http.base_url)).serve() as serving:
        yield serving


@pytest.fixture
def network(proxy: FaultProxy) -> Iterator[FaultProxy]:
    """The way to the hub, on which nothing fails yet."""
    proxy.clear()
    yield proxy
    proxy.clear()


class Plugins:
    """A plugin that lives on from test to test, until one kills it."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._running: PluginProcess | None = None

    @property
    def plugin(self) -> PluginProcess:
        """The one that runs."""
        if self._running is None:
            self._running = PluginProcess(self._settings)
        return self._running

    def kill(self) -> None:
        """Kill it."""
        if self._running is not None:
            self._running.end()
            self._running = None


@pytest.fixture(scope="session")
def plugins(cmf: Hub, proxy: FaultProxy) -> Iterator[Plugins]:
    # One process serves many updates here, and what it foretells is of one.
    made = Plugins({"url": proxy.url, "kubeconfigDirectory": str(cmf.kubeconfigs), "foretell": "false"})
    yield made
    made.kill()


@pytest.fixture(scope="session")
def base(cmf: Hub, spoke: LocalCluster) -> Base:
    """An environment with a pool and an application that run, a secret and a catalog."""
    path, name = cmf.environment("flink"), unique("base")
    configured = {**APPLICATION["flinkConfiguration"], **DURABLE}
    application = samples.application(name)
    application["spec"]["flinkConfiguration"] = configured
    cmf.post(f"{path}/applications", application).raise_for_status()
    durable = {"flinkConfiguration": DURABLE}
    cmf.post(f"{path}/compute-pools", samples.pool(name, "DEDICATED", cluster=durable)).raise_for_status()
    cmf.post("/secrets", samples.secret(name, {"a": "b"})).raise_for_status()
    catalog = {"srInstance": {"connectionConfig": {"schema.registry.url": "http://registry:8081"}}}
    head = {"apiVersion": "cmf.confluent.io/v1", "kind": "KafkaCatalog", "metadata": {"name": name}}
    cmf.post("/catalogs/kafka", {**head, "spec": catalog}).raise_for_status()
    cmf.until(f"{path}/applications/{name}", "status.lifecycleState", "STABLE")
    return Base(name, path.rpartition("/")[2], spoke.kubeconfig.read_text())


def born(cmf: Hub, path: str) -> str | None:
    """Return what tells a resource from a second one of its name; None if there is none."""
    answer = cmf.get(path)
    if answer.status_code == 404:
        return None
    found = answer.json()
    return str(found.get("created_time") or lookup(found, "metadata.uid"))


class Interrupted:
    """An operation in a thread, of which the network lets no more pass than a phase says."""

    def __init__(self, resource: Resource, operation: str, plugin: PluginProcess, inputs: Mapping[str, Any]) -> None:
        self.error: BaseException | None = None

        def run() -> None:
            try:
                if operation == "delete":
                    resource.destroy(plugin)
                else:
                    resource.up(plugin, inputs)
            except grpc.RpcError as error:
                self.error = error

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(60)
        assert not self._thread.is_alive()


def held(network: FaultProxy, kind: str, operation: str, phase: str, name: str) -> Fault:
    """Let the network hold the request, its answer, or the first look after it."""
    sent = method(kind, operation)
    if phase == "wait":
        return network.plan(Fault("GET", name, hold=True, nth=_first_look(kind, operation)))
    return network.plan(Fault(sent, hold=True, delivered=phase == "answer"))


def _first_look(kind: str, operation: str) -> int:
    """Return the number, among the reads of a resource, of the first one after its write."""
    if kind == "KubernetesCluster":
        return 2  # it is decommissioned before it is deleted
    return {"create": 2, "update": 2, "delete": 1}[operation]


def prepared(base: Base, plugins: Plugins, kind: str, operation: str) -> tuple[Resource, Mapping[str, Any], str]:
    """Return a resource before an operation, the inputs of this, and its path."""
    name = unique("fail")
    inputs = base.inputs(kind, name)
    resource = Resource(kind, inputs)
    if operation != "create":
        resource.up(plugins.plugin)
    return resource, {**inputs, **(CHANGES[kind] if operation == "update" else {})}, base.path(kind, name)


def agree(
    resource: Resource, operation: str, plugins: Plugins, network: FaultProxy, cmf: Hub, path: str, before: str | None
) -> None:
    """Refresh, repeat, and assert that stack and CMF agree, and that nothing was made twice; then clean up."""
    network.clear()
    plugin, inputs = plugins.plugin, resource.inputs
    resource.refresh(plugin)
    if operation == "delete":
        resource.destroy(plugin)
        assert cmf.get(path).status_code == 404
        resource.destroy(plugin)
        return
    resource.up(plugin, inputs)
    if before is not None:
        assert born(cmf, path) == before
    assert born(cmf, path) is not None
    assert not resource.differs(plugin)
    state = resource.state["uid"] if "uid" in resource.state else resource.state["createdTime"]
    assert state == born(cmf, path)
    resource.refresh(plugin)
    assert not resource.differs(plugin)
    network.requests.clear()
    resource.up(plugin, inputs)
    assert not [sent for sent in network.requests if sent[0] != "GET"]
    resource.destroy(plugin)
    assert cmf.get(path).status_code == 404


@pytest.mark.parametrize(("kind", "operation", "phase"), KILLED)
def test_a_provider_that_is_killed(
    cmf: Hub, base: Base, plugins: Plugins, network: FaultProxy, kind: str, operation: str, phase: str
) -> None:
    resource, inputs, path = prepared(base, plugins, kind, operation)
    known = (resource.id, resource.state)
    network.clear()
    if phase == "state":
        Interrupted(resource, operation, plugins.plugin, inputs).join()
        before = born(cmf, path)
        plugins.kill()
    else:
        fault = held(network, kind, operation, phase, path.rpartition("/")[2])
        running = Interrupted(resource, operation, plugins.plugin, inputs)
        fault.wait_reached()
        before = born(cmf, path)
        plugins.kill()
        running.join()
        assert running.error is not None
    resource.id, resource.state = known
    resource.inputs = inputs
    agree(resource, operation, plugins, network, cmf, path, before)


@pytest.mark.parametrize(
    ("kind", "operation", "phase"), [cell for cell in CELLS if cell.values[2] in ("request", "answer")]
)
def test_a_connection_that_is_cut(
    cmf: Hub, base: Base, plugins: Plugins, network: FaultProxy, kind: str, operation: str, phase: str
) -> None:
    resource, inputs, path = prepared(base, plugins, kind, operation)
    network.clear()
    network.plan(Fault(method(kind, operation), delivered=phase == "answer"))
    running = Interrupted(resource, operation, plugins.plugin, inputs)
    running.join()
    before = born(cmf, path)
    resource.inputs = inputs
    agree(resource, operation, plugins, network, cmf, path, before)


@pytest.mark.parametrize("kind", [kind for kind in AWAITED if kind != "Savepoint"])
def test_a_cancelled_wait_ends_at_once_and_its_resource_is_recorded(
    cmf: Hub, base: Base, plugins: Plugins, network: FaultProxy, kind: str
) -> None:
    resource, inputs, path = prepared(base, plugins, kind, "create")
    name = path.rpartition("/")[2]
    network.clear()
    fault = held(network, kind, "create", "wait", name)
    running = Interrupted(resource, "create", plugins.plugin, inputs)
    fault.wait_reached()
    plugins.plugin.cancel()
    running.join()
    assert "interrupted while" in str(running.error)
    assert (resource.id.rpartition("/")[2], resource.unready) == (name, True)
    agree(resource, "create", plugins, network, cmf, path, born(cmf, path))


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_patience_gets_it(
    base: Base, plugins: Plugins, network: FaultProxy, cmf: Hub, status: int, tmp_path: Path
) -> None:
    for operation in ("create", "update", "delete"):
        resource, inputs, path = prepared(base, plugins, "Environment", operation)
        network.clear()
        network.plan(Fault(method("Environment", operation), status=status, headers={"Retry-After": "0"}, times=2))
        running = Interrupted(resource, operation, plugins.plugin, inputs)
        running.join()
        assert running.error is None
        agree(resource, operation, plugins, network, cmf, path, born(cmf, path))
