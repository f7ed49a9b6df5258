from typing import Any

import pytest

from tests.support.hub import Hub, mapping, message, secret, unique

REGISTRY = {"schema.registry.url": "https://registry.example.org"}
KAFKA = {"bootstrap.servers": "kafka.example.org:9092"}


def catalog(name: str, secret_id: str | None = None, **spec: Any) -> dict[str, Any]:
    registry: dict[str, Any] = {"connectionConfig": REGISTRY}
    if secret_id:
        registry["connectionSecretId"] = secret_id
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "KafkaCatalog",
        "metadata": {"name": name},
        "spec": {"srInstance": registry, **spec},
    }


def database(name: str, secret_id: str | None = None, **spec: Any) -> dict[str, Any]:
    kafka: dict[str, Any] = {"connectionConfig": KAFKA}
    if secret_id:
        kafka["connectionSecretId"] = secret_id
    return {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "KafkaDatabase",
        "metadata": {"name": name},
        "spec": {"kafkaCluster": kafka, **spec},
    }


def created(hub: Hub, **spec: Any) -> str:
    name = unique("catalog")
    answer = hub.post("/catalogs/kafka", catalog(name, **spec))
    assert answer.status_code == 200, answer.text
    return f"/catalogs/kafka/{name}"


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


@pytest.mark.rule("E38")
def test_a_catalog_lives_until_its_databases_are_gone(hub: Hub) -> None:
    path = created(hub)
    stored = hub.get(path).json()
    assert stored["spec"] == {"srInstance": {"connectionConfig": REGISTRY}}
    assert hub.post("/catalogs/kafka", catalog(name_of(path))).status_code == 409
    answer = hub.post(f"{path}/databases", database("dev", ddlEnvironments=["blue"]))
    assert answer.status_code == 200
    assert answer.json()["spec"] == {"kafkaCluster": {"connectionConfig": KAFKA}, "ddlEnvironments": ["blue"]}
    assert hub.get(f"{path}/databases/dev").json() == answer.json()
    assert hub.post(f"{path}/databases", database("dev")).status_code == 409
    held = hub.delete(path)
    assert (held.status_code, message(held)) == (
        409,
        f"KafkaCatalog '{name_of(path)}' contains databases [dev]: delete them first",
    )
    assert hub.delete(f"{path}/databases/dev").status_code == 204
    assert hub.delete(f"{path}/databases/dev").status_code == 404
    assert hub.delete(path).status_code == 204
    assert hub.delete(path).status_code == 404


def test_updates_answer_without_a_body(hub: Hub) -> None:
    path = created(hub)
    hub.post(f"{path}/databases", database("dev"))
    uid = hub.get(path).json()["metadata"]["uid"]
    changed = catalog(name_of(path))
    changed["spec"]["srInstance"]["connectionConfig"] = {"schema.registry.url": "https://other.example.org"}
    changed["metadata"]["labels"] = {"team": "red"}
    answer = hub.put(path, changed)
    assert (answer.status_code, answer.content) == (200, b"")
    after = hub.get(path).json()
    assert (after["spec"], after["metadata"]["labels"]) == (changed["spec"], {"team": "red"})
    assert after["metadata"]["uid"] == uid
    answer = hub.put(f"{path}/databases/dev", database("dev", ddlEnvironments=["red"]))
    assert (answer.status_code, answer.content) == (200, b"")
    assert hub.get(f"{path}/databases/dev").json()["spec"]["ddlEnvironments"] == ["red"]
    assert hub.put(f"{path}/databases/none", database("none")).status_code == 404
    assert hub.put("/catalogs/kafka/none", catalog("none")).status_code == 404
    assert hub.put(path, catalog("other")).status_code == 400


@pytest.mark.rule("D19", "E38")
def test_inline_kafka_clusters_become_databases(hub: Hub) -> None:
    clusters = [
        {"databaseName": "dev", "connectionConfig": KAFKA, "connectionSecretId": "kafka-id"},
        {"databaseName": "prod", "connectionConfig": KAFKA},
    ]
    path = created(hub, kafkaClusters=clusters)
    assert "kafkaClusters" not in hub.get(path).json()["spec"]
    listed = hub.get(f"{path}/databases").json()
    assert listed["metadata"] == {"size": 2}
    assert {item["metadata"]["name"]: item["spec"]["kafkaCluster"] for item in listed["items"]} == {
        "dev": {"connectionConfig": KAFKA, "connectionSecretId": "kafka-id"},
        "prod": {"connectionConfig": KAFKA},
    }
    hub.put(f"{path}/databases/dev", database("dev", ddlEnvironments=["blue"]))
    changed = {"databaseName": "dev", "connectionConfig": {"bootstrap.servers": "new:9092"}}
    assert hub.put(path, catalog(name_of(path), kafkaClusters=[changed])).status_code == 200
    assert hub.get(f"{path}/databases/dev").json()["spec"] == {
        "kafkaCluster": {"connectionConfig": {"bootstrap.servers": "new:9092"}},
        "ddlEnvironments": ["blue"],
    }
    assert hub.get(f"{path}/databases/prod").status_code == 200
    twice = hub.post("/catalogs/kafka", catalog("twice", kafkaClusters=[*clusters, clusters[0]]))
    assert (twice.status_code, "'dev' twice" in message(twice)) == (422, True)
    assert hub.get("/catalogs/kafka/twice").status_code == 404


@pytest.mark.rule("D20")
def test_alter_environments_is_the_old_name_of_ddl_environments(hub: Hub) -> None:
    path = created(hub)
    stored = hub.post(f"{path}/databases", database("dev", alterEnvironments=["blue"])).json()["spec"]
    assert stored == {"kafkaCluster": {"connectionConfig": KAFKA}, "ddlEnvironments": ["blue"]}
    both = hub.post(f"{path}/databases", database("two", alterEnvironments=["blue"], ddlEnvironments=["red"]))
    assert (both.status_code, "differ" in message(both)) == (400, True)


@pytest.mark.rule("E37", "E38")
def test_environments_see_what_they_have_mappings_for(hub: Hub) -> None:
    blue, red = (hub.environment("flink") for _ in range(2))
    registry_id, kafka_id, name = unique("registry-id"), unique("kafka-id"), unique("secret")
    hub.post("/secrets", secret(name, {"password": "x"}))
    path = created(hub, secret_id=registry_id)
    databases = f"{path}/databases"
    hub.post(databases, database("open"))
    hub.post(databases, database("closed", kafka_id))

    def access(resource: str) -> list[str]:
        seen = hub.get(resource).json()["status"]["environmentsWithAccess"]
        items = hub.get(resource.rpartition("/")[0], params={"size": "1000"}).json()["items"]
        (listed,) = [item for item in items if item["metadata"]["name"] == name_of(resource)]
        assert listed["status"]["environmentsWithAccess"] == seen
        return list(seen)

    assert (access(path), access(f"{databases}/open"), access(f"{databases}/closed")) == ([], [], [])
    hub.post(f"{blue}/secret-mappings", mapping(kafka_id, name))
    assert (access(path), access(f"{databases}/closed")) == ([], [])
    for environment in (blue, red):
        hub.post(f"{environment}/secret-mappings", mapping(registry_id, name))
    both = sorted([name_of(blue), name_of(red)])
    assert (access(path), access(f"{databases}/open")) == (both, both)
    assert access(f"{databases}/closed") == [name_of(blue)]
    hub.delete(f"{blue}/secret-mappings/{registry_id}")
    assert (access(path), access(f"{databases}/closed")) == ([name_of(red)], [])
    for environment in (blue, red):
        assert hub.delete(environment).status_code == 204
    assert access(path) == []


def test_a_catalog_without_a_secret_is_open_to_all_environments(hub: Hub) -> None:
    environment, path = hub.environment("flink"), created(hub)
    assert name_of(environment) in hub.get(path).json()["status"]["environmentsWithAccess"]


def test_databases_of_a_missing_catalog_are_not_found(hub: Hub) -> None:
    path = "/catalogs/kafka/none/databases"
    for answer in (
        hub.get(path),
        hub.post(path, database("dev")),
        hub.get(f"{path}/dev"),
        hub.put(f"{path}/dev", database("dev")),
        hub.delete(f"{path}/dev"),
    ):
        assert answer.status_code == 404
        assert message(answer) == "KafkaCatalog 'none' does not exist."
    path = created(hub)
    missing = hub.get(f"{path}/databases/dev")
    assert message(missing) == f"KafkaDatabase 'dev' does not exist in KafkaCatalog '{name_of(path)}'."


@pytest.mark.parametrize(
    "spec", [{}, {"srInstance": {}}, {"srInstance": None}, {"srInstance": {"connectionConfig": {"a": []}}}]
)
def test_a_catalog_needs_a_registry(hub: Hub, spec: dict[str, Any]) -> None:
    answer = hub.post("/catalogs/kafka", {**catalog("lake"), "spec": spec})
    assert (answer.status_code, "srInstance" in message(answer)) == (400, True)


def test_catalogs_are_listed_in_pages_and_read_as_yaml(hub: Hub) -> None:
    names = sorted(name_of(created(hub)) for _ in range(3))
    found = hub.get("/catalogs/kafka", params={"sort": "name,desc", "size": "1", "filter": "name=catalog-*"}).json()
    assert found["metadata"]["size"] >= 3
    assert len(found["items"]) == 1
    text = hub.get(f"/catalogs/kafka/{names[0]}", headers={"Accept": "application/yaml"}).text
    assert "schema.registry.url: https://registry.example.org" in text
