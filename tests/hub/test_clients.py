"""Clients that were not written here walk through the whole API of a running hub."""

import importlib
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cmf_hub.api import OPERATIONS
from cmf_hub.api.openapi import document

from tests.clients import go_client
from tests.clients.python_client import body, generated
from tests.support.hub import Hub, application, mapping, pool, secret, statement
from tests.support.wait import wait_for

Operations = Mapping[str, Callable[..., Any]]
REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference" / "cmf-openapi-2.3.1.yaml"
SAVEPOINT = {
    "apiVersion": "cmf.confluent.io/v1",
    "kind": "Savepoint",
    "spec": {"path": "s3://bucket/savepoints"},
    "status": {"path": "s3://bucket/savepoints"},
}
"""As the Confluent CLI sends it, which says the path twice."""
NOT_WALKED = {"adopt_orphan", "get_statement_result"}
"""Needs an orphan; needs Flink."""


@pytest.fixture(scope="module")
def reference() -> Path:
    if not REFERENCE.is_file():
        pytest.skip(f"CMF's OpenAPI document is not there to generate a client from: {REFERENCE}")
    return REFERENCE


def test_a_python_client_of_our_document_walks_through_the_api(hub: Hub, tmp_path: Path) -> None:
    with generated(document(OPERATIONS), tmp_path, "client_of_ours") as operations:
        walk(operations, hub, "client_of_ours", "ours")


def test_a_python_client_of_the_document_of_cmf_walks_through_the_api(
    hub: Hub, tmp_path: Path, reference: Path
) -> None:
    theirs = yaml.load(reference.read_text(), Loader=yaml.CSafeLoader)
    with generated(theirs, tmp_path, "client_of_theirs") as operations:
        walk(operations, hub, "client_of_theirs", "theirs")


@pytest.mark.timeout(900)
def test_a_go_client_of_the_document_of_cmf_does_what_the_confluent_cli_does(hub: Hub, reference: Path) -> None:
    done = subprocess.run(
        [go_client.walk(reference), str(hub.http.base_url)], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class Caller:
    """Calls operations by their ids, and notes which."""

    def __init__(self, operations: Operations, client: Any) -> None:
        self._operations = operations
        self._client = client
        self.missing = set(operations)

    def __call__(self, operation: str, *path: str, status: int = 200, sent: Any = None, **query: Any) -> Any:
        """Return what the client read, as it would send it; fails unless the answer has this status."""
        call = self._operations[operation]
        self.missing.discard(operation)
        if sent is not None:
            query["body"] = body(call, sent)
        answer = call(*path, client=self._client, **query)
        assert answer.status_code == status, answer.content
        if not answer.content:
            return None
        assert answer.parsed is not None, answer.content
        read = answer.parsed.to_dict()
        assert status < 400 or read["errors"][0]["message"]
        return read


def walk(operations: Operations, hub: Hub, package: str, name: str) -> None:
    """Make, read, list, change and delete one of each kind."""
    client = importlib.import_module(package).Client(
        str(hub.http.base_url), raise_on_unexpected_status=True, timeout=60, httpx_args={"trust_env": False}
    )
    with client:
        call = Caller(operations, client)
        steps(call, name)
        assert call.missing <= NOT_WALKED


def steps(call: Caller, name: str) -> None:
    """Take the steps."""
    env, app, sql = f"walk-{name}", f"walk-{name}-app", f"walk-{name}-sql"
    call("get_environment", env, status=404)
    made = call("create_or_update_environment", sent={"name": env, "kubernetesNamespace": "flink"})
    assert (made["name"], made["kubernetesNamespace"]) == (env, "flink")
    assert call("get_environment", env, include_resource_information=True)["status"]
    assert env in [item["name"] for item in call("get_environments", size=1000, sort=["name,desc"])["items"]]
    assert not call("get_environments", page=1000)["items"]

    call("create_or_update_application", env, sent={**application(app), "spec": {}}, status=422)
    call("create_or_update_application", env, sent=application(app), status=201)
    reached(call, "get_application", (env, app), lambda one: one["status"]["jobStatus"]["state"] == "RUNNING")
    (listed,) = call("get_applications", env, filter_="state=RUNNING")["items"]
    assert listed["metadata"]["name"] == app
    (instance,) = call("get_application_instances", env, app)["items"]
    call("get_application_instance", env, app, instance["metadata"]["name"])
    assert call("get_application_events", env, app)["items"]
    savepoint = {**SAVEPOINT, "metadata": {"name": f"{app}-sp"}}
    call("create_savepoint_for_flink_application", env, app, sent=savepoint, status=201)
    assert len(call("get_savepoints_for_flink_application", env, app)["items"]) == 1
    of_app = (env, app, f"{app}-sp")
    reached(call, "get_savepoint_for_flink_application", of_app, lambda one: one["status"]["state"] == "COMPLETED")
    call("detach_savepoint_from_flink_application", *of_app)
    call("delete_savepoint_for_flink_application", *of_app, status=404)
    call("delete_detached_savepoint", f"{app}-sp", status=204)
    call("create_detached_savepoint", status=422)  # the body may be left out, the path not
    call("create_detached_savepoint", sent=savepoint, status=201)
    assert call("get_detached_savepoint", f"{app}-sp")["spec"]["path"] == "s3://bucket/savepoints"
    assert len(call("list_detached_savepoints", name=app)["items"]) == 1
    call("delete_detached_savepoint", f"{app}-sp", status=204)
    call("suspend_application", env, app)
    call("start_application", env, app)

    secret_name, secret_id = f"{env}-secret", f"{env}-id"
    call("create_secret", sent=secret(secret_name, {"password": "canary"}))
    call("create_secret", sent=secret(secret_name, {"password": "canary"}), status=409)
    call("update_secret", secret_name, sent=secret(secret_name, {"password": "other"}))
    assert call("get_secret", secret_name)["spec"]["data"]["password"] != "other"
    assert secret_name in [item["metadata"]["name"] for item in call("get_secrets", size=1000)["items"]]
    call("create_environment_secret_mapping", env, sent=mapping(secret_id, secret_name))
    call("update_environment_secret_mapping", env, secret_id, sent=mapping(secret_id, secret_name))
    assert call("get_environment_secret_mapping", env, secret_id)["spec"]["secretName"] == secret_name
    assert len(call("get_environment_secret_mappings", env)["items"]) == 1

    catalog, database = f"{env}-catalog", f"{env}-db"
    head = {"apiVersion": "cmf.confluent.io/v1", "kind": "KafkaCatalog", "metadata": {"name": catalog}}
    registry = {"connectionConfig": {"schema.registry.url": "http://sr"}, "connectionSecretId": secret_id}
    call("create_kafka_catalog", sent={**head, "spec": {"srInstance": registry}})
    call("update_kafka_catalog", catalog, sent={**head, "spec": {"srInstance": registry}})
    assert call("get_kafka_catalog", catalog)["status"]["environmentsWithAccess"] == [env]
    assert catalog in [item["metadata"]["name"] for item in call("get_kafka_catalogs", size=1000)["items"]]
    head |= {"kind": "KafkaDatabase", "metadata": {"name": database}}
    kafka = {"kafkaCluster": {"connectionConfig": {"bootstrap.servers": "k:9092"}}}
    call("create_kafka_database", catalog, sent={**head, "spec": kafka})
    call("update_kafka_database", catalog, database, sent={**head, "spec": kafka | {"ddlEnvironments": [env]}})
    assert call("get_kafka_database", catalog, database)["spec"]["ddlEnvironments"] == [env]
    assert len(call("get_kafka_databases", catalog)["items"]) == 1
    call("delete_kafka_catalog", catalog, status=409)

    call("create_compute_pool", env, sent=pool("walk-pool", "DEDICATED"))
    call("update_compute_pool", env, "walk-pool", sent=pool("walk-pool", "DEDICATED"))
    assert call("get_compute_pool", env, "walk-pool")["status"]["phase"] == "DEDICATED"
    assert len(call("get_compute_pools", env)["items"]) == 1
    call("create_statement", env, sent=statement(sql, "walk-pool"))
    reached(call, "get_statement", (env, sql), lambda one: one["status"]["phase"] == "RUNNING")
    assert len(call("get_statements", env, filter_="phase=RUNNING", compute_pool="walk-pool")["items"]) == 1
    call("get_statement_exceptions", env, sql)
    savepoint = {**SAVEPOINT, "metadata": {"name": f"{sql}-sp"}}
    call("create_savepoint_for_flink_statement", env, sql, sent=savepoint, status=201)
    of_sql = (env, sql, f"{sql}-sp")
    reached(call, "get_savepoint_for_flink_statement", of_sql, lambda one: one["status"]["state"] == "COMPLETED")
    assert len(call("get_savepoints_for_flink_statement", env, sql)["items"]) == 1
    call("delete_savepoint_for_flink_statement", *of_sql, status=204)
    call("update_statement", env, sql, sent=statement(sql, "walk-pool", stopped=True))
    reached(call, "get_statement", (env, sql), lambda one: one["status"]["phase"] == "STOPPED")

    cluster = call("get_kubernetes_cluster", "spoke")
    call("update_kubernetes_cluster", "spoke", sent=cluster)
    assert len(call("get_kubernetes_clusters")["items"]) == 2
    for information in ("get_system_information", "get_resource_information", "get_c3_license_information"):
        call(information)
    if "clean_orphans" in call.missing:
        call("clean_orphans", "spoke")
    if "get_kubernetes_namespace" in call.missing:
        assert call("get_kubernetes_namespace", "spoke", "flink")["exists"]

    call("delete_compute_pool", env, "walk-pool", status=409)
    call("delete_statement", env, sql, status=204, force=True)
    call("delete_compute_pool", env, "walk-pool", status=204)
    call("delete_application", env, app, status=204)
    reached(call, "get_applications", (env,), lambda page: not page["items"])
    call("delete_kafka_database", catalog, database, status=204)
    call("delete_kafka_catalog", catalog, status=204)
    call("delete_environment_secret_mapping", env, secret_id, status=204)
    call("delete_secret", secret_name, status=204)
    call("delete_environment", env, status=204)


def reached(call: Caller, operation: str, path: tuple[str, ...], state: Callable[[Any], bool]) -> None:
    wait_for(lambda: state(call(operation, *path)), f"{operation} {path} to be so")
