"""Kafka catalogs and their databases. They are global: no cluster's state matters."""

from __future__ import annotations

from typing import Any

from cmf_core.errors import Conflict
from cmf_core.models import KafkaCatalog, KafkaDatabase, Metadata
from cmf_core.models.catalog import InlineCluster, KafkaDatabaseSpec
from cmf_core.rules import catalogs, enforce, names

from cmf_hub.clock import Clock
from cmf_hub.services.documents import changed, content_of, created, resource_content
from cmf_hub.services.kinds import CATALOG, DATABASE
from cmf_hub.services.writes import existing, scope_of
from cmf_hub.store import Key, Query, Record, Store, Transaction


class CatalogService:
    """Operations on catalogs."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, sent: KafkaCatalog) -> Record:
        """Create a catalog; each of its `kafkaClusters` becomes a database, and is not kept in the catalog (D19).

        Raises:
            BadRequest: a bad name.
            Conflict: it exists.
            Unprocessable: two of its databases have one name.
        """
        key = Key(CATALOG, "", sent.name)
        enforce(names.resource_name(CATALOG, sent.name, minimum=1))
        document = _content(sent)

        def work(transaction: Transaction) -> Record:
            if transaction.get(key) is not None:
                raise Conflict(f"{CATALOG} '{key.name}' already exists.")
            self._put_databases(transaction, sent)
            return transaction.put(created(key, document, self._clock))

        return await self._store.transact(work)

    async def update(self, name: str, sent: KafkaCatalog) -> None:
        """Replace a catalog's spec, labels and annotations.

        Databases in its `kafkaClusters` are created, or get that connection; all others stay as they are,
        because a client of the present API does not send them.

        Raises:
            NotFound: there is none.
            BadRequest, Unprocessable: as `create`.
        """
        key = Key(CATALOG, "", name)
        document = _content(sent)

        def work(transaction: Transaction) -> None:
            present = existing(transaction.get(key), key)
            self._put_databases(transaction, sent)
            transaction.put(changed(present, document, self._clock))

        await self._store.transact(work)

    async def delete(self, name: str) -> None:
        """Delete a catalog without databases.

        Raises:
            NotFound: there is none.
            Conflict: it has databases.
        """
        key = Key(CATALOG, "", name)

        def work(transaction: Transaction) -> None:
            existing(transaction.get(key), key)
            enforce(catalogs.deletable(name, [row.key.name for row in transaction.page(Query(DATABASE, name))]))
            transaction.delete(key)

        await self._store.transact(work)

    def _put_databases(self, transaction: Transaction, catalog: KafkaCatalog) -> None:
        clusters = catalog.spec.kafka_clusters or []
        enforce(catalogs.distinct_databases(catalog.name, clusters))
        for cluster in clusters:
            key = Key(DATABASE, catalog.name, cluster.database_name)
            enforce(names.resource_name(DATABASE, key.name, minimum=1))
            present, document = transaction.get(key), _inline_content(cluster)
            if present is None:
                transaction.put(created(key, document, self._clock))
            else:
                content = content_of(present)
                content["spec"] |= document["spec"]
                transaction.put(changed(present, content, self._clock))


class DatabaseService:
    """Operations on the databases of a catalog."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, catalog: str, sent: KafkaDatabase) -> Record:
        """Create a database.

        Raises:
            BadRequest: a bad name.
            NotFound: there is no such catalog.
            Conflict: it exists.
        """
        key = Key(DATABASE, catalog, sent.name)
        enforce(names.resource_name(DATABASE, sent.name, minimum=1))
        document = resource_content(sent)

        def work(transaction: Transaction) -> Record:
            scope_of(transaction, DATABASE, catalog)
            if transaction.get(key) is not None:
                raise Conflict(f"{DATABASE} '{key.name}' already exists in {CATALOG} '{catalog}'.")
            return transaction.put(created(key, document, self._clock))

        return await self._store.transact(work)

    async def update(self, catalog: str, name: str, sent: KafkaDatabase) -> None:
        """Replace a database's spec, labels and annotations.

        Raises:
            NotFound: there is no such database or catalog.
        """
        key = Key(DATABASE, catalog, name)
        document = resource_content(sent)

        def work(transaction: Transaction) -> None:
            scope_of(transaction, DATABASE, catalog)
            transaction.put(changed(existing(transaction.get(key), key), document, self._clock))

        await self._store.transact(work)

    async def delete(self, catalog: str, name: str) -> None:
        """Delete a database; nothing happens to its Kafka cluster.

        Raises:
            NotFound: there is no such database or catalog.
        """
        key = Key(DATABASE, catalog, name)

        def work(transaction: Transaction) -> None:
            scope_of(transaction, DATABASE, catalog)
            existing(transaction.get(key), key)
            transaction.delete(key)

        await self._store.transact(work)


def _content(sent: KafkaCatalog) -> dict[str, Any]:
    content = resource_content(sent)
    content["spec"].pop("kafkaClusters", None)
    return content


def _inline_content(cluster: InlineCluster) -> dict[str, Any]:
    connection = cluster.wire()
    del connection["databaseName"]
    spec = KafkaDatabaseSpec.parse({"kafkaCluster": connection})
    return resource_content(KafkaDatabase(metadata=Metadata(name=cluster.database_name), spec=spec))
