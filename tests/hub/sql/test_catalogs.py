"""What an environment sees becomes Flink's catalogs and databases, for planning and for jobs."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cmf_localfleet import FlinkSession, ensure_artifact
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from tests.hub.sql.conftest import session_on, started
from tests.hub.sql.session import GENERATED, SessionPool
from tests.support.hub import Hub, Spoke, mapping, pool, secret, unique
from tests.support.wait import wait_for

PASSWORD = "hunter2-hunter2"
HERE = {"sql.current-catalog": "shop", "sql.current-database": "orders"}


@pytest.fixture(scope="module")
def hub(home: Spoke, flink: FlinkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub whose databases carry the options of their Kafka cluster, secrets included."""
    running = started(
        home,
        tmp_path_factory.mktemp("catalog-hub"),
        CMF_SQL_GATEWAY_PORT=str(flink.gateway_port),
        CMF_SQL_CATALOG_DDL="CREATE CATALOG {catalog} WITH ('type'='generic_in_memory')",
        CMF_SQL_DATABASE_DDL="CREATE DATABASE IF NOT EXISTS {catalog}.{database} WITH ({options})",
    )
    yield running
    running.stop()


@pytest.fixture(scope="module")
def on(hub: Hub, home: Spoke, flink: FlinkSession) -> Iterator[SessionPool]:
    """A pool in an environment that sees catalog `shop` with `orders`, which it may change, and `others`."""
    with session_on(hub, home, flink) as made:
        environment = made.environment.removeprefix("/environments/")
        hub.post("/secrets", secret("kafka", {"sasl.password": PASSWORD}))
        hub.post(f"{made.environment}/secret-mappings", mapping("kafka-id", "kafka"))
        hub.post("/catalogs/kafka", catalog("shop"))
        hub.post("/catalogs/kafka", catalog("hidden", "unmapped-id"))
        for name, may_change in (("orders", [environment]), ("others", [])):
            answer = hub.post("/catalogs/kafka/shop/databases", database(name, may_change))
            assert answer.status_code == 200, answer.text
        yield made


def catalog(name: str, secret_id: str | None = None) -> dict[str, Any]:
    connection = {"connectionConfig": {"schema.registry.url": "http://sr:8081"}}
    if secret_id:
        connection["connectionSecretId"] = secret_id  # type: ignore[assignment]
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "KafkaCatalog",
        "metadata": {"name": name},
        "spec": {"srInstance": connection},
    }


def database(name: str, may_change: list[str]) -> dict[str, Any]:
    connection = {"connectionConfig": {"bootstrap.servers": "kafka:9092"}, "connectionSecretId": "kafka-id"}
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "KafkaDatabase",
        "metadata": {"name": name},
        "spec": {"kafkaCluster": connection, "alterEnvironments": may_change},
    }


@pytest.mark.rule("E37", "E38", "D20")
def test_an_environment_sees_its_catalogs_and_changes_what_it_may(on: SessionPool) -> None:
    assert sorted(on.completed("SHOW CATALOGS")) == [["default_catalog"], ["shop"]]
    databases = on.completed("SHOW DATABASES", properties={"sql.current-catalog": "shop"})
    assert {"orders", "others"} <= {row[0] for row in databases}
    table = unique("t").replace("-", "_")
    ddl = f"CREATE TABLE {table} (n INT) {GENERATED}"
    on.completed(ddl, properties=HERE)
    assert [table] in on.completed("SHOW TABLES", properties=HERE)
    others = {**HERE, "sql.current-database": "others"}
    assert "add it to spec.ddlEnvironments" in on.failed(ddl, properties=others)
    on.hub.put("/catalogs/kafka/shop/databases/others", database("others", [on.environment.rpartition("/")[2]]))
    on.completed(f"CREATE TABLE theirs (n INT) {GENERATED}", properties=others)
    on.hub.put("/catalogs/kafka/shop/databases/others", database("others", []))
    assert "was taken back" in on.failed("ALTER TABLE shop.others.theirs ADD extra INT", properties=HERE)
    sneaky = f"CREATE TABLE shop.others.{table} (n INT) {GENERATED}"
    assert "was taken back" in on.failed(sneaky, properties=HERE)
    assert [table] not in on.completed("SHOW TABLES", properties=others)
    missing = {"sql.current-catalog": "hidden"}
    assert "A catalog with name [hidden] does not exist" in on.failed("SHOW TABLES", properties=missing)


def test_another_environment_sees_the_tables_and_only_looks(on: SessionPool, hub: Hub, home: Spoke, flink: Any) -> None:
    table = unique("t").replace("-", "_")
    on.completed(f"CREATE TABLE {table} (n INT) {GENERATED}", properties=HERE)
    with session_on(hub, home, flink) as other:
        assert "does not exist" in other.failed("SHOW TABLES", properties=HERE)
        hub.post(f"{other.environment}/secret-mappings", mapping("kafka-id", "kafka"))
        assert [table] in other.completed("SHOW TABLES", properties=HERE)
        assert "may not change" in other.failed(f"DROP TABLE {table}", properties=HERE)


def test_secrets_do_not_show_in_answers_or_errors(on: SessionPool) -> None:
    table = unique("t").replace("-", "_")
    on.completed(f"CREATE TABLE {table} (n INT) COMMENT '{PASSWORD}' {GENERATED}", properties=HERE)
    shown = json.dumps(on.completed(f"SHOW CREATE TABLE {table}", properties=HERE))
    assert "COMMENT '****'" in shown
    assert PASSWORD not in shown
    assert "Object '****' not found" in on.failed(f"SELECT * FROM `{PASSWORD}`")


@pytest.mark.rule("P05", "P10", "P11", "P66")
def test_a_job_gets_catalogs_and_secrets_without_showing_them(
    on: SessionPool, hub: Hub, home: Spoke, flink: FlinkSession
) -> None:
    source, sink = (unique(name).replace("-", "_") for name in ("source", "sink"))
    on.completed(f"CREATE TABLE {source} (n INT) {GENERATED}", properties=HERE)
    on.completed(f"CREATE TABLE {sink} (n INT) WITH ('connector' = 'blackhole')", properties=HERE)
    sql = f"INSERT INTO {sink} SELECT n FROM {source}"
    created = on.run(sql, properties=HERE)
    name = created["metadata"]["name"]
    on.until(name, "RUNNING")
    applied = home.session_jobs()[name]
    statement, script = applied["spec"]["job"]["args"]
    assert statement == sql
    for text in (json.dumps(applied), json.dumps(on.of(name)), hub.directory.joinpath("hub.log").read_text()):
        assert PASSWORD not in text

    session = home.deployments()[on.name]["spec"]["jobManager"]["podTemplate"]["spec"]
    volumes = {volume["name"]: volume for volume in session["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in session["containers"][0]["volumeMounts"]}
    assert mounts["statement-plan-volume"] == "/opt/flink/statement"
    assert mounts["statement-encryption-volume"] == "/opt/flink/statement-secret"
    key = kubernetes_secret(home, volumes["statement-encryption-volume"]["secret"]["secretName"])["key"]

    done = run(flink, key, statement, script)
    assert done.returncode == 0, done.stdout + done.stderr
    job = f"insert-into_shop.orders.{sink}"
    wait_for(lambda: states(flink).get(job) == "FINISHED", f"{job} to finish")


@pytest.mark.rule("P11")
def test_the_key_goes_with_its_environment(hub: Hub, home: Spoke, flink: FlinkSession) -> None:
    with session_on(hub, home, flink) as other:
        name = f"{other.environment.rpartition('/')[2]}-statement-key"
        assert list(kubernetes_secret(home, name)) == ["key"]
        hub.delete(f"{other.environment}/compute-pools/{other.name}")
        hub.gone(f"{other.environment}/compute-pools/{other.name}")
        assert hub.delete(other.environment).status_code == 204
    with pytest.raises(ApiException, match="404"):
        kubernetes_secret(home, name)


def kubernetes_secret(home: Spoke, name: str) -> dict[str, str]:
    with connect(home.cluster.kubeconfig) as client:
        found: Any = CoreV1Api(client).read_namespaced_secret(name, "flink")
    return {key: base64.b64decode(value).decode() for key, value in found.data.items()}


def run(flink: FlinkSession, key: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Do with a job what the operator does, on this machine."""
    file = flink.directory / "key"
    file.write_text(key)
    command = flink.client("run", "--detached", str(ensure_artifact("sql-runner")), *arguments)
    command.insert(1, f"-Dcmf.statement.key={file}")
    environment = {**os.environ, **flink.client_environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def states(flink: FlinkSession) -> dict[str, Any]:
    jobs = httpx.get(f"{flink.rest_url}/jobs/overview", trust_env=False).json()["jobs"]
    return {job["name"]: job["state"] for job in jobs}


@pytest.mark.rule("P04")
def test_a_gateway_beside_the_hub_plans_for_dedicated_pools(planning_hub: Hub, home: Spoke) -> None:
    environment = planning_hub.environment("flink")
    planning_hub.post(f"{environment}/compute-pools", pool("template", "DEDICATED"))
    on = SessionPool(planning_hub, environment, "template")
    on.completed(f"CREATE TABLE source (n INT) {GENERATED}")
    on.completed("CREATE TABLE sink (n INT) WITH ('connector' = 'blackhole')")
    assert "Object 'nowhere' not found" in on.failed("INSERT INTO sink SELECT n FROM nowhere")
    created = on.run("INSERT INTO sink SELECT n FROM source")
    assert created["status"]["traits"] == {"sqlKind": "INSERT_INTO", "isAppendOnly": True, "isBounded": True}
    assert "detail" not in created["status"]
    statement, script = home.deployments()[created["metadata"]["name"]]["spec"]["job"]["args"]
    assert statement == "INSERT INTO sink SELECT n FROM source"
    assert "CREATE" not in script


@pytest.mark.rule("P04")
def test_without_a_gateway_the_statement_says_what_nobody_knows(hub: Hub, home: Spoke) -> None:
    environment = hub.environment("flink")
    hub.post(f"{environment}/compute-pools", pool("template", "DEDICATED"))
    on = SessionPool(hub, environment, "template")
    created = on.run("INSERT INTO sink SELECT n FROM source")
    assert "CMF_SQL_GATEWAY_URL is not set" in created["status"]["detail"]
    assert created["status"]["traits"] == {"sqlKind": "INSERT_INTO"}
    assert "Only a SQL gateway of Flink can answer" in on.failed("SHOW TABLES")
    assert created["metadata"]["name"] in home.deployments()
