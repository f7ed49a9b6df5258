"""Operations on Kafka catalogs, and on their databases."""

from __future__ import annotations

from cmf_core.models import KafkaCatalog, KafkaDatabase

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation
from cmf_hub.api.paths import V1
from cmf_hub.services.kinds import CATALOG, DATABASE
from cmf_hub.store import Key

CATALOGS = Listing(CATALOG)
DATABASES = Listing(DATABASE)


async def catalogs_page(call: Call) -> Answer:
    """List the Kafka catalogs."""
    request = call.page(CATALOGS)
    return Answer(request.answer(call.services.views.page(request.query)))


async def create_catalog(call: Call) -> Answer:
    """Create a Kafka catalog."""
    record = await call.services.catalogs.create(call.parsed(KafkaCatalog))
    return Answer(call.services.views.one(record.key))


async def catalog(call: Call) -> Answer:
    """Return a Kafka catalog."""
    return Answer(call.services.views.one(Key(CATALOG, "", call.path["catalog"])))


async def update_catalog(call: Call) -> Answer:
    """Update a Kafka catalog; the answer has no body."""
    name = call.path["catalog"]
    await call.services.catalogs.update(name, call.named(KafkaCatalog, name))
    return Answer()


async def delete_catalog(call: Call) -> Answer:
    """Delete a Kafka catalog without databases."""
    await call.services.catalogs.delete(call.path["catalog"])
    return Answer()


async def databases_page(call: Call) -> Answer:
    """List the databases of a Kafka catalog."""
    request = call.page(DATABASES, call.path["catalog"])
    return Answer(request.answer(call.services.views.page(request.query)))


async def create_database(call: Call) -> Answer:
    """Create a database."""
    record = await call.services.databases.create(call.path["catalog"], call.parsed(KafkaDatabase))
    return Answer(call.services.views.one(record.key))


async def database(call: Call) -> Answer:
    """Return a database."""
    return Answer(call.services.views.one(_database_key(call)))


async def update_database(call: Call) -> Answer:
    """Update a database; the answer has no body."""
    key = _database_key(call)
    await call.services.databases.update(key.scope, key.name, call.named(KafkaDatabase, key.name))
    return Answer()


async def delete_database(call: Call) -> Answer:
    """Delete a database."""
    key = _database_key(call)
    await call.services.databases.delete(key.scope, key.name)
    return Answer()


def _database_key(call: Call) -> Key:
    return Key(DATABASE, call.path["catalog"], call.path["database"])


_CATALOGS = f"{V1}/catalogs/kafka"
_CATALOG = f"{_CATALOGS}/{{catalog}}"
_DATABASES = f"{_CATALOG}/databases"
_DATABASE = f"{_DATABASES}/{{database}}"

OPERATIONS = (
    Operation("GET", _CATALOGS, catalogs_page, (200,), id="getKafkaCatalogs", gives=KafkaCatalog, listing=CATALOGS),
    Operation(
        "POST",
        _CATALOGS,
        create_catalog,
        (200, 400, 409, 422),
        id="createKafkaCatalog",
        body=KafkaCatalog,
        gives=KafkaCatalog,
    ),
    Operation("GET", _CATALOG, catalog, (200, 404), id="getKafkaCatalog", gives=KafkaCatalog),
    Operation("PUT", _CATALOG, update_catalog, (200, 400, 404, 422), id="updateKafkaCatalog", body=KafkaCatalog),
    Operation("DELETE", _CATALOG, delete_catalog, (204, 404, 409), id="deleteKafkaCatalog"),
    Operation(
        "GET", _DATABASES, databases_page, (200, 404), id="getKafkaDatabases", gives=KafkaDatabase, listing=DATABASES
    ),
    Operation(
        "POST",
        _DATABASES,
        create_database,
        (200, 400, 404, 409, 422),
        id="createKafkaDatabase",
        body=KafkaDatabase,
        gives=KafkaDatabase,
    ),
    Operation("GET", _DATABASE, database, (200, 404), id="getKafkaDatabase", gives=KafkaDatabase),
    Operation("PUT", _DATABASE, update_database, (200, 400, 404, 422), id="updateKafkaDatabase", body=KafkaDatabase),
    Operation("DELETE", _DATABASE, delete_database, (204, 404), id="deleteKafkaDatabase"),
)
