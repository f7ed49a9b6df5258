"""Every role and every operation against a real hub; what of lists is seen; that a refusal says nothing."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cmf_hub.api import OPERATIONS
from cmf_hub.api.web_ui import WEB_UIS
from cmf_hub.auth.needs import NEEDS

from tests.support.hub import V1, Hub, application, message, pool, secret, statement, unique
from tests.support.issuer import Issuer, bearer
from tests.support.roles import TABLE, binding, cell, everywhere
from tests.support.wait import wait_for

Start = Callable[..., Hub]

COLUMN = {
    "createOrUpdateEnvironment": "environment create/update",
    "createEnvironmentSecretMapping": "environment create/update",
    "updateEnvironmentSecretMapping": "environment create/update",
    "deleteEnvironmentSecretMapping": "environment create/update",
    "deleteEnvironment": "environment delete",
    **dict.fromkeys(
        ("createOrUpdateApplication", "deleteApplication", "startApplication", "suspendApplication",
         "createSavepointForFlinkApplication", "deleteSavepointForFlinkApplication",
         "detachSavepointFromFlinkApplication"),
        "application create/update",
    ),
    **dict.fromkeys(
        ("getApplication", "getApplications", "getApplicationEvents", "getApplicationInstances",
         "getApplicationInstance", "getSavepointsForFlinkApplication", "getSavepointForFlinkApplication",
         "accessApplicationWebUi"),
        "application view",
    ),
    **dict.fromkeys(
        ("getStatement", "getStatements", "createStatement", "updateStatement", "deleteStatement",
         "getStatementResult", "getStatementExceptions", "getSavepointsForFlinkStatement",
         "getSavepointForFlinkStatement", "createSavepointForFlinkStatement", "deleteSavepointForFlinkStatement",
         "accessStatementWebUi"),
        "statement create/update, delete, view",
    ),
    **dict.fromkeys(("createComputePool", "updateComputePool", "deleteComputePool"), "pool create/update, delete"),
    **dict.fromkeys(("getComputePool", "getComputePools"), "pool view"),
    **dict.fromkeys(
        ("createSecret", "updateSecret", "deleteSecret", "createKafkaCatalog", "updateKafkaCatalog",
         "deleteKafkaCatalog", "createKafkaDatabase", "updateKafkaDatabase", "deleteKafkaDatabase"),
        "catalog, secret create/update, delete",
    ),
    **dict.fromkeys(
        ("getSecret", "getSecrets", "getKafkaCatalog", "getKafkaCatalogs", "getKafkaDatabase", "getKafkaDatabases"),
        "catalog, secret view",
    ),
}  # fmt: skip
"""Which column of the table decides an operation."""

EVERYBODY = frozenset(TABLE)
ADMINISTRATORS = frozenset({"super.user", "SystemAdmin", "ClusterAdmin"})
SILENT = {
    **dict.fromkeys(
        ("getEnvironments", "getEnvironment", "getEnvironmentSecretMappings", "getEnvironmentSecretMapping"),
        ADMINISTRATORS | {"ResourceOwner", "DeveloperManage", "DeveloperRead"},
    ),
    **dict.fromkeys(
        ("getKubernetesClusters", "getKubernetesCluster", "getSystemInformation", "getC3LicenseInformation"), EVERYBODY
    ),
    **dict.fromkeys(
        ("updateKubernetesCluster", "cleanOrphans", "adoptOrphan"), frozenset({"super.user", "SystemAdmin"})
    ),
    **dict.fromkeys(
        ("getResourceInformation", "listDetachedSavepoints", "createDetachedSavepoint", "getDetachedSavepoint",
         "deleteDetachedSavepoint", "accessComputePoolWebUi", "getKubernetesNamespace"),
        ADMINISTRATORS,
    ),
}  # fmt: skip
"""Who may do what the table does not name."""

LISTS = {
    **dict.fromkeys(("getEnvironments", "getSecrets", "getKafkaCatalogs"), EVERYBODY),
    **dict.fromkeys(("getApplications", "getStatements", "getComputePools"), SILENT["getEnvironment"]),
}
"""Who may ask for a list: everybody, or who sees the environment. Who sees nothing of it gets an empty one."""


def may(role: str, operation: str) -> bool:
    return role in SILENT[operation] if operation in SILENT else cell(role, COLUMN[operation])


def test_every_operation_says_what_it_needs() -> None:
    served = {operation.id for operation in OPERATIONS} | {place.id for place in WEB_UIS}
    assert served <= set(NEEDS), "operations without a need: add them to cmf_hub.auth.needs"
    assert set(NEEDS) == set(COLUMN) | set(SILENT)
    assert not set(COLUMN) & set(SILENT)


BODIES: dict[str, Any] = {
    "createOrUpdateEnvironment": {"name": "some", "kubernetesNamespace": "flink"},
    "createComputePool": pool("some"),
    "createKafkaCatalog": {"metadata": {"name": "some"}, "spec": {"srInstance": {"connectionConfig": {}}}},
    "createKafkaDatabase": {"metadata": {"name": "some"}, "spec": {"kafkaCluster": {"connectionConfig": {}}}},
    "createStatement": statement("some", "some"),
    "updateStatement": statement("some", "some"),
}


@pytest.mark.rule("E56", "E54", "P56")
def test_every_role_and_every_operation(with_roles: Start, issuer: Issuer) -> None:
    hub = with_roles(*itertools.chain.from_iterable(everywhere(role) for role in TABLE if role != "super.user"))
    requests = [(each.id, each.method, each.path) for each in OPERATIONS]
    requests += [(place.id, "GET", f"{place.path}/overview") for place in WEB_UIS]
    wrong = []
    for role in TABLE:
        headers = bearer(issuer.token(role))
        for operation, method, template in requests:
            path = re.sub(r"{\w+}", "some", template)
            body = BODIES.get(operation, {"metadata": {"name": "some"}, "spec": {}})
            sent = {"json": body} if method in ("POST", "PUT") else {}
            answer = hub.http.request(method, path, headers=headers, **sent)
            allowed = role in LISTS[operation] if operation in LISTS else may(role, operation)
            refused = answer.status_code == 403 and "permission" in message(answer)
            if refused is allowed or answer.status_code == 401:
                wrong.append(f"{role} {operation}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["metadata"]["name"] for item in answer.json()["items"]]


@pytest.mark.rule("E54", "E56")
def test_a_list_shows_what_its_reader_may_see_and_counts_it(with_roles: Start, issuer: Issuer) -> None:
    hub = with_roles(
        binding("User:alice", "DeveloperRead", FlinkSecret="team-*"),
        binding("User:alice", "DeveloperRead", FlinkSecret="shared"),
        binding("Group:auditors", "DeveloperRead", FlinkSecret="*"),
        binding("User:carol", "DeveloperRead", FlinkSecret="team-[a*"),
    )
    admin = bearer(issuer.token("super.user"))
    for name in ("team-a", "team-b", "team-c", "teams", "shared", "shared2", "other"):
        assert hub.post("/secrets", secret(name, {"k": "v"}), headers=admin).status_code == 200
    alice = bearer(issuer.token("alice"))
    everything = hub.get("/secrets", headers=alice)
    assert names(everything) == ["shared", "team-a", "team-b", "team-c"]
    assert everything.json()["metadata"]["size"] == 4
    second = hub.get("/secrets?page=1&size=3", headers=alice)
    assert names(second) == ["team-c"]
    assert second.json()["metadata"]["size"] == 4
    assert names(hub.get("/secrets?filter=name=*a*&sort=name,desc", headers=alice)) == [
        "team-c", "team-b", "team-a", "shared",
    ]  # fmt: skip
    assert names(hub.get("/secrets?search=other&searchScope=name", headers=alice)) == []
    assert len(names(hub.get("/secrets", headers=bearer(issuer.token("bob", groups=["auditors"]))))) == 7
    assert len(names(hub.get("/secrets", headers=bearer(issuer.token("bob", groups="auditors"))))) == 7
    assert len(names(hub.get("/secrets", headers=bearer(issuer.token("bob", groups=["wheel"]))))) == 7
    for nobody in ("bob", "carol", "auditors", "Alice"):
        assert names(hub.get("/secrets", headers=bearer(issuer.token(nobody)))) == []


@pytest.mark.rule("E54")
def test_a_refusal_does_not_say_whether_the_resource_exists(with_roles: Start, issuer: Issuer) -> None:
    hub = with_roles(binding("User:alice", "DeveloperRead", FlinkSecret="mine"))
    admin, alice = bearer(issuer.token("super.user")), bearer(issuer.token("alice"))
    assert hub.post("/secrets", secret("theirs", {"k": "v"}), headers=admin).status_code == 200
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        answers = [
            hub.http.request(method, f"{V1}/secrets/{name}", headers=alice, json=secret(name))
            for name in ("theirs", "absent")
        ]
        assert {answer.status_code for answer in answers} == {403}
        assert len({answer.text.replace("theirs", "absent") for answer in answers}) == 1
    for name in ("theirs", "absent"):
        assert hub.post("/secrets", secret(name, {}), headers=alice).status_code == 403
    assert hub.get("/secrets/mine", headers=alice).status_code == 404
    assert hub.put("/secrets/mine", secret("mine"), headers=alice).status_code == 403


@pytest.mark.rule("E54")
def test_no_spelling_gets_past_the_check(with_roles: Start, issuer: Issuer) -> None:
    hub = with_roles(
        binding("User:alice", "DeveloperManage", FlinkSecret="mine*"),
        binding("User:alice", "DeveloperManage", "own", FlinkApplication="*", FlinkStatement="*"),
    )
    admin, alice = bearer(issuer.token("super.user")), bearer(issuer.token("alice"))
    assert hub.post("/secrets", secret("theirs", {"k": "v"}), headers=admin).status_code == 200
    for path in (
        "secrets/theirs", "secrets/%74heirs", "secrets/theirs/", "secrets//theirs", "secrets/mine/../theirs",
        "secrets/mine%2F..%2Ftheirs", "secrets/./theirs", "secrets/mine/%2e%2e/theirs", "secrets/theirs%00",
        "secrets/theirs%0a", "secrets/theirs;mine", "secrets/THEIRS", "secrets/theirs?secret=mine",
        "secrets/mine%5c..%5ctheirs", "environments/own%2f..%2fother/applications/a",
        "environments/other/applications/a",
        "environments/other/applications", "environments/own/../other/applications",
    ):  # fmt: skip
        for method in ("GET", "DELETE"):
            status = _exactly(hub, method, f"{V1}/{path}", alice)
            assert status in (400, 403, 404, 405), (method, path, status)
    assert hub.get("/secrets/theirs", headers=admin).status_code == 200
    body = secret("mine", {"k": "v"})
    for tricked in (
        {**body, "name": "theirs"},
        {**body, "metadata": {"name": "mine", "Name": "theirs"}},
    ):
        hub.post("/secrets", tricked, headers=alice)
    assert hub.get("/secrets/theirs", headers=admin).json()["status"]["version"] == "1"
    twice = b'{"metadata":{"name":"mine2"},"metadata":{"name":"theirs"},"spec":{"data":{"k":"x"}}}'
    for content_type, content in (
        ("application/json", twice),
        ("application/yaml", twice),
        ("application/yaml", b"metadata: {name: mine2}\nmetadata: {name: theirs}\nspec: {data: {k: x}}"),
    ):
        answer = hub.http.post(f"{V1}/secrets", content=content, headers={**alice, "Content-Type": content_type})
        assert answer.status_code in (400, 403)
    update = secret("theirs", {"k": "stolen"})
    assert hub.put("/secrets/mine", update, headers=alice).status_code == 400
    headers = {**alice, "X-HTTP-Method-Override": "DELETE", "X-Original-URL": f"{V1}/secrets/theirs"}
    hub.http.post(f"{V1}/secrets/mine", headers=headers)
    assert hub.get("/secrets/theirs", headers=admin).json()["status"]["version"] == "1"


def _exactly(hub: Hub, method: str, path: str, headers: dict[str, str]) -> int:
    """Send a path as it is written: httpx would tidy it."""
    request = hub.http.build_request(method, "/", headers=headers)
    request.url = request.url.copy_with(raw_path=path.encode())
    return hub.http.send(request).status_code


def complaints(hub: Hub) -> int:
    return hub.process.log.read_text().count("the role bindings cannot be used")


@pytest.mark.rule("E56")
def test_role_bindings_are_read_anew_and_bad_ones_change_nothing(
    with_roles: Start, issuer: Issuer, tmp_path: Path
) -> None:
    hub = with_roles(binding("User:alice", "ClusterAdmin"))
    file, alice = tmp_path / "roles.yaml", bearer(issuer.token("alice"))
    assert hub.get("/resource-information", headers=alice).status_code == 200
    for number, bad in enumerate(
        (
            "roleBindings: [",
            "roleBindings: [{principal: alice, role: ClusterAdmin}]",
            "roleBindings: [{principal: 'User:alice', role: Emperor}]",
            "roleBindings: [{principal: 'User:alice', role: DeveloperRead}]",
            "roleBindings: [{principal: 'User:alice', role: ClusterAdmin, scope: all}]",
            "roleBindings: [{principal: U, role: DeveloperRead, resources: [{resourceType: FlinkPool, name: a}]}]",
        )
    ):
        file.write_text(bad)
        wait_for(lambda n=number: complaints(hub) > n, "the bad file to be noticed")  # type: ignore[misc]
        assert hub.get("/resource-information", headers=alice).status_code == 200
        assert 'cmf_auth_file_refused{what="the role bindings"} 1.0' in hub.http.get("/metrics", headers=alice).text
    file.write_text(yaml.safe_dump({"roleBindings": [binding("User:bob", "ClusterAdmin")]}))
    wait_for(lambda: hub.get("/resource-information", headers=alice).status_code == 403, "the new file to be read")
    assert hub.get("/resource-information", headers=bearer(issuer.token("bob"))).status_code == 200
    file.unlink()
    wait_for(lambda: "No such file" in hub.process.log.read_text(), "the missing file to be noticed")
    assert hub.get("/resource-information", headers=bearer(issuer.token("bob"))).status_code == 200


@pytest.mark.rule("E54", "E56")
def test_inside_an_environment(
    own_hub: Callable[..., Hub], by_token: dict[str, str], issuer: Issuer, tmp_path: Path
) -> None:
    mine, theirs = unique("mine"), unique("theirs")
    roles = tmp_path / "roles.json"
    bindings = [
        binding("User:alice", "DeveloperManage", mine, FlinkApplication="orders-*", FlinkStatement="*"),
        binding("User:alice", "DeveloperRead", mine, FlinkComputePool="small-pool"),
        binding("User:carol", "ClusterAdmin", mine),
        binding("User:admin", "SystemAdmin"),
    ]
    roles.write_text(yaml.safe_dump({"roleBindings": bindings}))
    hub = own_hub(
        wait=(),
        **by_token,
        CMF_AUTHORIZATION_TYPE="file",
        CMF_AUTHORIZATION_ROLE_BINDINGS_FILE=str(roles),
    )
    hub.http.headers.update(bearer(issuer.token("admin", exp=4_000_000_000)))
    hub.connected("default-k8s-cluster")
    alice, carol = bearer(issuer.token("alice")), bearer(issuer.token("carol"))
    for environment in (mine, theirs):
        assert hub.post("/environments", {"name": environment, "kubernetesNamespace": "flink"}).status_code == 200
    inside = f"/environments/{mine}"
    for name in ("orders-a", "orders-b", "bills"):
        assert hub.post(f"{inside}/applications", application(name)).status_code == 201
    for name in ("small-pool", "large-pool"):
        assert hub.post(f"{inside}/compute-pools", pool(name, "DEDICATED")).status_code == 200

    seen = hub.get("/environments", headers=alice)
    assert [item["name"] for item in seen.json()["items"]] == [mine]
    assert seen.json()["metadata"]["size"] == 1
    assert hub.get(inside, headers=alice).status_code == 200
    assert names(hub.get(f"{inside}/applications", headers=alice)) == ["orders-a", "orders-b"]
    assert names(hub.get(f"{inside}/applications", headers=carol)) == ["bills", "orders-a", "orders-b"]
    assert names(hub.get(f"{inside}/compute-pools", headers=alice)) == ["small-pool"]
    assert hub.post(f"{inside}/applications/orders-a/suspend", headers=alice).status_code == 200
    assert hub.post(f"{inside}/applications/bills/suspend", headers=alice).status_code == 403
    assert hub.delete(f"{inside}/applications/bills?force=true", headers=alice).status_code == 403
    assert hub.post(f"{inside}/applications", application("bills"), headers=alice).status_code == 403
    assert hub.post(f"{inside}/applications", application("orders-c"), headers=alice).status_code == 201
    for environment in (theirs, "absent"):
        for path in ("", "/applications", "/applications/orders-a", "/secret-mappings", "/compute-pools"):
            assert hub.get(f"/environments/{environment}{path}", headers=alice).status_code == 403
        refused = hub.post(f"/environments/{environment}/applications", application("orders-a"), headers=alice)
        assert refused.status_code == 403
    # A statement uses a pool, so that has to be seen.
    statements = f"{inside}/statements"
    assert hub.post(statements, statement("one-statement", "large-pool"), headers=alice).status_code == 403
    assert hub.post(statements, statement("one-statement", "small-pool"), headers=alice).status_code != 403
    # What a forced deletion left behind names resources that not everybody sees.
    assert hub.delete(f"{inside}/applications/orders-c?force=true").status_code == 204
    for path in ("/kubernetes-clusters/default-k8s-cluster", "/kubernetes-clusters"):
        assert "orders-c" in hub.get(path).text
        assert "CONNECTED" in hub.get(path, headers=alice).text
        assert "orders-c" not in hub.get(path, headers=alice).text
    # An administrator of an environment's scope administers what is in it, not the environment.
    assert hub.delete(f"{inside}/applications/orders-b", headers=carol).status_code == 204
    assert hub.post("/environments", {"name": mine}, headers=carol).status_code == 403
    assert hub.delete(inside, headers=carol).status_code == 403
    assert hub.get("/resource-information", headers=carol).status_code == 403
    assert hub.get("/secrets", headers=carol).json()["items"] == []
