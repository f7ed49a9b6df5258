"""Rules of secrets, mappings, catalogs and databases."""

from collections.abc import Collection

import pytest
from cmf_core.errors import BadRequest, Conflict, Unprocessable
from cmf_core.models.catalog import InlineCluster
from cmf_core.rules import catalogs, enforce, secrets


@pytest.mark.rule("E36")
@pytest.mark.parametrize(("production", "keys", "refused"), [(True, 0, True), (True, 1, False), (False, 0, False)])
def test_only_a_hub_for_tests_stores_secrets_without_a_key(production: bool, keys: int, refused: bool) -> None:
    if refused:
        with pytest.raises(Unprocessable, match="CMF_ENCRYPTION_KEY_FILE"):
            enforce(secrets.encrypted("kafka", production=production, keys=keys))
    else:
        enforce(secrets.encrypted("kafka", production=production, keys=keys))


@pytest.mark.rule("SECRET")
def test_the_mask_stands_only_for_values_that_are_there() -> None:
    enforce(secrets.unmasked("kafka", ["password"], {"password": "x"}), secrets.unmasked("kafka", [], {}))
    with pytest.raises(Unprocessable, match=r"spec\.data\.password is the mask"):
        enforce(secrets.unmasked("kafka", ["password"], {"user": "x"}))


@pytest.mark.rule("E37")
def test_first_the_secret_then_its_mapping_and_back_in_the_other_order() -> None:
    enforce(secrets.known_secret("kafka-id", "kafka", exists=True), secrets.deletable("kafka", []))
    with pytest.raises(BadRequest, match="'kafka' does not exist: create the Secret first"):
        enforce(secrets.known_secret("kafka-id", "kafka", exists=False))
    with pytest.raises(Conflict, match=r"mapped in environments \[blue, red\]"):
        enforce(secrets.deletable("kafka", ["blue", "red"]))


@pytest.mark.rule("E38")
def test_a_catalog_is_deleted_after_its_databases() -> None:
    enforce(catalogs.deletable("lake", []))
    with pytest.raises(Conflict, match=r"contains databases \[dev\]"):
        enforce(catalogs.deletable("lake", ["dev"]))


@pytest.mark.rule("E38")
def test_each_kafka_cluster_is_a_database_of_its_own_name() -> None:
    dev, prod = (InlineCluster(database_name=name, connection_config={}) for name in ("dev", "prod"))
    enforce(catalogs.distinct_databases("lake", [dev, prod]))
    with pytest.raises(Unprocessable, match="databaseName 'dev' twice"):
        enforce(catalogs.distinct_databases("lake", [dev, prod, dev]))


@pytest.mark.rule("E37")
@pytest.mark.parametrize(
    ("catalog", "database", "seen"),
    [
        (None, None, ["blue", "red"]),
        ({"red"}, None, ["red"]),
        (None, {"blue"}, ["blue"]),
        ({"red"}, {"blue"}, []),
        ({"red", "blue"}, {"red"}, ["red"]),
        (set(), None, []),
    ],
)
def test_a_missing_mapping_hides(
    catalog: Collection[str] | None, database: Collection[str] | None, seen: list[str]
) -> None:
    assert catalogs.with_access(["red", "blue"], catalog, database) == seen
