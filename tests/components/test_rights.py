"""The hub's rights on a cluster: enough for everything that it does, and none that it does not need."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from cmf_localfleet import LocalCluster
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api, RbacAuthorizationV1Api
from pulumi_cmf_components import minting, rights
from pulumi_cmf_components.rights import FLINK, HUB_EVERYWHERE, Right

from tests.support.hub import Hub, Spoke, application, mapping, pool, secret, statement, unique
from tests.support.savepoints import DIRECTORIES, running, savepoint
from tests.support.wait import wait_for

NAMESPACE, ACCOUNT = "limited", "cmf-hub"
IN_NAMESPACE = rights.hub_in_namespace()
EVERY = [(place, one) for place, some in ((NAMESPACE, IN_NAMESPACE), ("", HUB_EVERYWHERE)) for r in some
         for one in r.single()]  # fmt: skip


class Refused(NamedTuple):
    """A right, and what the hub cannot do without it: after `prepare` with all rights, the attempt."""

    group: str
    resource: str
    verb: str
    prepare: Callable[[Hub, str], Callable[[], Callable[[], str]]]


class Limited:
    """A cluster on which the hub has the rights of HubAccess, and any of them less."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster
        with connect(cluster.kubeconfig) as client:
            core: Any = CoreV1Api(client)
            api: Any = RbacAuthorizationV1Api(client)
            for name in (NAMESPACE, "cmf-hub"):
                cluster.create_namespace(name)
            core.create_namespaced_service_account(NAMESPACE, {"metadata": {"name": "flink"}})
            core.create_namespaced_service_account("cmf-hub", {"metadata": {"name": ACCOUNT}})
            subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "cmf-hub"}
            of_role: dict[str, Any] = {"apiGroup": "rbac.authorization.k8s.io", "name": ACCOUNT}
            binding: dict[str, Any] = {"metadata": {"name": ACCOUNT}, "subjects": [subject]}
            api.create_namespaced_role(NAMESPACE, {"metadata": {"name": ACCOUNT}, "rules": []})
            api.create_cluster_role({"metadata": {"name": ACCOUNT}, "rules": []})
            api.create_namespaced_role_binding(NAMESPACE, {**binding, "roleRef": {**of_role, "kind": "Role"}})
            api.create_cluster_role_binding({**binding, "roleRef": {**of_role, "kind": "ClusterRole"}})
        self.grant_all()
        self.kubeconfig = minting.token(cluster.kubeconfig.read_text(), "cmf-hub", ACCOUNT, 3600).kubeconfig
        wait_for(lambda: self.missing() == [], "the rights to count")

    def grant_all(self, but: tuple[str, Right] | None = None) -> None:
        """Give the hub its rights, except one."""
        with connect(self._cluster.kubeconfig) as client:
            api: Any = RbacAuthorizationV1Api(client)
            rules = {
                place: [
                    {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
                    | ({"resourceNames": [right.name]} if right.name else {})
                    for at, right in EVERY
                    if at == place and (at, right) != but
                ]
                for place in (NAMESPACE, "")
            }
            api.patch_namespaced_role(ACCOUNT, NAMESPACE, {"rules": rules[NAMESPACE]})
            api.patch_cluster_role(ACCOUNT, {"rules": rules[""]})

    def missing(self) -> list[str]:
        return minting.missing(self.kubeconfig, {NAMESPACE: IN_NAMESPACE, "": HUB_EVERYWHERE}, seconds=0)


@pytest.fixture(scope="module")
def limited(fleet: dict[str, Spoke]) -> Limited:
    return Limited(fleet["spoke"].cluster)


@pytest.fixture(scope="module")
def hub(fleet: dict[str, Spoke], limited: Limited, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that knows the cluster by the limited account only."""
    own = {"CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet["home"].cluster.kubeconfig), "CMF_SQL_PRODUCTION": "false"}
    running = Hub(tmp_path_factory.mktemp("limited"), own)
    (running.kubeconfigs / "limited").write_text(limited.kubeconfig)
    running.start()
    running.connected("limited")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def environment(hub: Hub) -> str:
    defaults = {"spec": {"flinkConfiguration": DIRECTORIES}}
    return hub.environment(NAMESPACE, "limited", flinkApplicationDefaults=defaults, computePoolDefaults=defaults)


def test_the_rights_suffice_for_everything(hub: Hub, environment: str) -> None:
    """Applications, savepoints, pools, statements with credentials, queries, web UIs, and their ends."""
    app, shared, dedicated = f"{environment}/applications/orders", unique("shared"), unique("dedicated")
    assert hub.post(f"{environment}/applications", application("orders")).status_code == 201
    hub.until(app, "status.jobStatus.state", "RUNNING")
    assert hub.post(f"{app}/savepoints", savepoint("kept")).status_code == 201
    hub.until(f"{app}/savepoints/kept", "status.state", "COMPLETED")
    assert hub.get(f"{app}/flink-web-ui/overview").status_code == 503  # allowed, and there is no such service
    assert hub.post(f"{app}/suspend").status_code == 200
    hub.until(app, "status.jobStatus.state", "FINISHED")
    assert hub.post(f"{app}/start").status_code == 200
    hub.until(app, "status.jobStatus.state", "RUNNING")
    assert hub.get(f"{app}/instances").status_code == 200
    assert hub.delete(f"{app}/savepoints/kept").status_code in (202, 204)
    hub.gone(f"{app}/savepoints/kept")

    assert hub.post("/secrets", secret("kafka", {"sasl.jaas.config": "x"})).status_code == 200
    assert hub.post(f"{environment}/secret-mappings", mapping("kafka", "kafka")).status_code == 200
    for name, kind in ((shared, "SHARED"), (dedicated, "DEDICATED")):
        assert hub.post(f"{environment}/compute-pools", pool(name, kind)).status_code == 200
    hub.until(f"{environment}/compute-pools/{shared}", "status.phase", "RUNNING")
    for of_pool in (shared, dedicated):
        path = f"{environment}/statements/on-{of_pool}"
        assert hub.post(f"{environment}/statements", statement(f"on-{of_pool}", of_pool)).status_code == 200
        hub.until(path, "status.phase", "RUNNING")
        assert hub.get(f"{path}/exceptions").status_code in (200, 503)
        assert hub.delete(path).status_code in (202, 204)
        hub.gone(path)
    for path in (app, f"{environment}/compute-pools/{shared}", f"{environment}/compute-pools/{dedicated}"):
        assert hub.delete(path).status_code in (202, 204)
        hub.gone(path)
    assert "does not allow the hub" not in hub.process.log.read_text()


@pytest.mark.parametrize(("place", "right"), EVERY, ids=lambda value: str(value) or "everywhere")
def test_a_right_that_is_missing_is_named_before_the_cluster_is_used(
    limited: Limited, place: str, right: Right
) -> None:
    limited.grant_all(but=(place, right))
    try:
        where = f"namespace '{place}'" if place else "all namespaces"
        wait_for(lambda: limited.missing() == [f"{right} in {where}"], "the right to be missing, and no other")
    finally:
        limited.grant_all()
        wait_for(lambda: limited.missing() == [], "the rights to count again")


Said = Callable[[], str]
"""Tells once more what the hub says."""


def _created(hub: Hub, path: str, name: str, body: dict[str, Any]) -> Said:
    said = hub.post(path, body).text
    return lambda: said + hub.get(f"{path}/{name}").text


def _application(hub: Hub, environment: str) -> Callable[[], Said]:
    name = unique("orders")
    return lambda: _created(hub, f"{environment}/applications", name, application(name))


def _environment(hub: Hub, environment: str) -> Callable[[], Said]:
    body = {"name": unique("env"), "kubernetesNamespace": NAMESPACE, "kubernetesClusterName": "limited"}
    return lambda: _created(hub, "/environments", body["name"], body)


def _pool(hub: Hub, environment: str) -> Callable[[], Said]:
    name = unique("pool")
    return lambda: _created(hub, f"{environment}/compute-pools", name, pool(name))


def _statement(hub: Hub, environment: str) -> Callable[[], Said]:
    name, of_pool = unique("statement"), unique("pool")
    hub.post(f"{environment}/compute-pools", pool(of_pool))
    hub.until(f"{environment}/compute-pools/{of_pool}", "status.phase", "RUNNING")
    return lambda: _created(hub, f"{environment}/statements", name, statement(name, of_pool))


def _savepoint(hub: Hub, environment: str) -> Callable[[], Said]:
    path = running(hub, environment)
    return lambda: _created(hub, f"{path}/savepoints", "nightly", savepoint("nightly"))


def _deletion(hub: Hub, environment: str) -> Callable[[], Said]:
    path = running(hub, environment)

    def delete() -> Said:
        said = hub.delete(path).text
        return lambda: said + hub.get(path).text

    return delete


def _web_ui(hub: Hub, environment: str) -> Callable[[], Said]:
    path = running(hub, environment)
    return lambda: lambda: hub.get(f"{path}/flink-web-ui/overview").text


REFUSED = [
    Refused("", "namespaces", "get", _environment),
    Refused("", "serviceaccounts", "get", _environment),
    Refused("", "services/proxy", "get", _web_ui),
    Refused(FLINK, "flinkdeployments", "create", _application),
    Refused(FLINK, "flinkdeployments", "patch", _application),
    Refused(FLINK, "flinkdeployments", "create", _pool),
    Refused(FLINK, "flinkdeployments", "delete", _deletion),
    Refused(FLINK, "flinksessionjobs", "create", _statement),
    Refused(FLINK, "flinkstatesnapshots", "create", _savepoint),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda one: f"{one.verb} {one.resource}")
def test_the_hub_names_a_right_that_is_missing(hub: Hub, limited: Limited, environment: str, refused: Refused) -> None:
    attempt = refused.prepare(hub, environment)
    limited.grant_all(but=(NAMESPACE, Right(refused.group, refused.resource, (refused.verb,))))
    try:
        wait_for(lambda: limited.missing() != [], "the right to be missing")
        said, named = attempt(), f'cannot {refused.verb} resource \\"{refused.resource}\\"'
        wait_for(lambda: named in said(), f"the hub to say that it {named}")
        assert "grant this right to the user of its kubeconfig" in said()
    finally:
        limited.grant_all()
        wait_for(lambda: limited.missing() == [], "the rights to count again")
