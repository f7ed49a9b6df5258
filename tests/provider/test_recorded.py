"""Secrets, mappings, catalogs, databases and savepoints, from create to delete, on a real hub."""

from typing import Any

import pytest
from cmf_core.errors import Conflict
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.kinds import (
    DETACHED_SAVEPOINT,
    ENVIRONMENT_SECRET_MAPPING,
    FLINK_APPLICATION,
    KAFKA_CATALOG,
    KAFKA_DATABASE,
    SAVEPOINT,
    SECRET,
)
from pulumi_cmf.lifecycle.operations import Refused

from tests.provider.operations import Told, create, delete, refresh, update
from tests.provider.program import Program, on_both_fronts
from tests.support import hub as samples
from tests.support.hub import Hub, lookup, unique

REGISTRY = {"connection_config": {"schema.registry.url": "http://registry:8081"}}
KAFKA = {"connection_config": {"bootstrap.servers": "kafka:9092"}, "connection_secret_id": "kafka-login"}


@pytest.mark.rule("E37", "E38")
async def test_secret_mapping_catalog_and_database_come_and_go(hub: LifecycleHub, cmf: Hub, environment: str) -> None:
    secret = await create(SECRET, hub, name=unique("secret"), data={"sasl.password": "hush", "retries": 3.0})
    assert secret.state["data"] == {"sasl.password": "hush", "retries": "3"}
    name = secret.state["name"]
    mapping = await create(
        ENVIRONMENT_SECRET_MAPPING, hub, environment=environment, name="kafka-login", secret_name=name
    )
    assert mapping.id == f"{environment}/kafka-login"
    catalog = await create(KAFKA_CATALOG, hub, name=unique("catalog"), sr_instance=REGISTRY, labels={"a": "b"})
    database = await create(
        KAFKA_DATABASE, hub, catalog=catalog.id, name="orders-db", kafka_cluster=KAFKA, ddl_environments=[environment]
    )
    assert database.id == f"{catalog.id}/orders-db"

    for kind, made in (
        (SECRET, secret),
        (ENVIRONMENT_SECRET_MAPPING, mapping),
        (KAFKA_CATALOG, catalog),
        (KAFKA_DATABASE, database),
    ):
        await unchanged(kind, hub, made)
    state = await update(KAFKA_CATALOG, hub, catalog, labels={"a": "c"})
    assert state["labels"] == {"a": "c"}
    assert cmf.get(f"/catalogs/kafka/{catalog.id}").json()["metadata"]["labels"]["a"] == "c"
    other = await create(SECRET, hub, name=unique("secret"), data={"sasl.password": "other"})
    await update(ENVIRONMENT_SECRET_MAPPING, hub, mapping, secret_name=other.state["name"])
    path = f"/environments/{environment}/secret-mappings/kafka-login"
    assert lookup(cmf.get(path).json(), "spec.secretName") == other.state["name"]

    with pytest.raises(Conflict):
        await delete(KAFKA_CATALOG, hub, catalog)
    with pytest.raises(Conflict):
        await delete(SECRET, hub, other)
    await delete(KAFKA_DATABASE, hub, database)
    await delete(KAFKA_CATALOG, hub, catalog)
    await delete(ENVIRONMENT_SECRET_MAPPING, hub, mapping)
    await delete(SECRET, hub, secret)
    await delete(SECRET, hub, other)
    await delete(SECRET, hub, other)


async def unchanged(kind: Kind[Any], hub: LifecycleHub, made: Any) -> None:
    """Assert that a refresh finds what was made, and that the same inputs are no change."""
    found = await refresh(kind, hub, made)
    assert found.inputs == kind.inputs_in(made.state)
    assert kind.diff(found.state, kind.inputs_in(made.state)).changed == frozenset()


async def test_values_that_somebody_else_changed_are_sent_again(hub: LifecycleHub, cmf: Hub) -> None:
    made = await create(SECRET, hub, name=unique("secret"), data={"password": "ours"})
    body = samples.secret(made.id, {"password": "theirs"})
    cmf.put(f"/secrets/{made.id}", body).raise_for_status()
    found = await refresh(SECRET, hub, made)
    assert found.inputs["data"] == {"password": "*****"}
    assert SECRET.diff(found.state, SECRET.inputs_in(made.state)).changed == {"data"}
    made.state.update(found.state)
    state = await update(SECRET, hub, made, data={"password": "ours"})
    assert state["version"] not in (found.state["version"], "1")
    again = await update(SECRET, hub, made, data={"password": "ours"})
    assert again["data"] == {"password": "ours"}
    await delete(SECRET, hub, made)


@pytest.mark.rule("E51")
async def test_a_detached_savepoint_is_replaced_by_every_change(hub: LifecycleHub) -> None:
    made = await create(DETACHED_SAVEPOINT, hub, name=unique("savepoint"), path="s3://bucket/savepoints/one")
    await unchanged(DETACHED_SAVEPOINT, hub, made)
    inputs = DETACHED_SAVEPOINT.inputs_in(made.state)
    difference = DETACHED_SAVEPOINT.diff(made.state, {**inputs, "path": "s3://bucket/savepoints/two"})
    assert (difference.replaces, difference.delete_first) == (["path"], True)
    await delete(DETACHED_SAVEPOINT, hub, made)


@pytest.mark.rule("E27")
async def test_a_savepoint_is_awaited(hub: LifecycleHub, environment: str) -> None:
    configuration = {
        "state.savepoints.dir": "s3://bucket/savepoints",
        "state.checkpoints.dir": "s3://bucket/checkpoints",
    }
    spec = samples.application("x")["spec"]
    spec = {**spec, "flinkConfiguration": {**spec["flinkConfiguration"], **configuration}}
    application = await create(FLINK_APPLICATION, hub, environment=environment, name=unique("app"), spec=spec)
    told = Told()
    owner = {"environment": environment, "application": application.state["name"]}
    made = await create(SAVEPOINT, hub, told, **owner, name=unique("savepoint"))
    assert made.id == f"{environment}/applications/{application.state['name']}/{made.state['name']}"
    assert made.state["state"] == "COMPLETED"
    assert made.state["location"].startswith("s3://bucket/savepoints")
    await unchanged(SAVEPOINT, hub, made)
    assert await SAVEPOINT.foretell_create(Facts(hub), {**owner, "name": "another"}, None) is None
    await delete(SAVEPOINT, hub, made)
    assert await SAVEPOINT.read(hub, made.id, {}) is None
    with pytest.raises(Refused, match="ENVIRONMENT/applications/APPLICATION/NAME"):
        await SAVEPOINT.read(hub, "no/such/id", {})
    await delete(FLINK_APPLICATION, hub, application)


def test_a_savepoint_has_one_owner() -> None:
    (failure,) = SAVEPOINT.check({"name": "savepoint", "environment": "prod"}).failures
    assert "give application or statement" in failure.reason


@on_both_fronts
def test_a_program_with_all_of_them(program: Program, cmf: Hub, environment: str) -> None:
    secret, catalog = unique("secret"), unique("catalog")
    text = f"""
secret = Secret({secret!r}, data={{"password": pulumi.Output.secret("canary-value")}})
EnvironmentSecretMapping("login", environment={environment!r}, name="kafka-login", secret_name=secret.name)
catalog = KafkaCatalog({catalog!r}, sr_instance={REGISTRY!r})
KafkaDatabase("orders-db", catalog=catalog.name, kafka_cluster={KAFKA!r})
DetachedSavepoint({unique("savepoint")!r}, path="s3://bucket/savepoints/one")
pulumi.export("version", secret.version)
"""
    program.up(text)
    assert "6 unchanged" in program.up()
    assert "canary-value" not in program.run("stack", "export")
    said = program.preview(text.replace("canary-value", "another-value"), "--diff")
    assert "another-value" not in said
    program.up()
    assert "6 unchanged" in program.refresh()
    program.run("destroy", "--yes", "--skip-preview")
    assert cmf.get(f"/secrets/{secret}").status_code == 404
