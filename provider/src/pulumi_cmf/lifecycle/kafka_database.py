"""KafkaDatabase: a Kafka cluster in a catalog, whose topics are tables (E38)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from cmf_core.calls import KAFKA_CATALOGS, Collection, kafka_databases
from cmf_core.models import KafkaDatabase
from cmf_core.rules import Verdict, names
from cmf_core.rules.existence import exists

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.recorded import RecordedKind
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.types import Connection


class KafkaDatabaseInputs(Labelled):
    """What a user says of a database."""

    catalog: str
    kafka_cluster: dict[str, Any]
    ddl_environments: list[str] | None = None


class KafkaDatabaseKind(RecordedKind[KafkaDatabaseInputs, KafkaDatabase]):
    """Life cycle of databases."""

    name = "KafkaDatabase"
    identity = ("catalog", "name")
    place = "catalog"
    outputs = ("uid", "environments_with_access")
    nested: ClassVar[Mapping[str, Any]] = {"kafka_cluster": Connection}

    def __init__(self) -> None:
        super().__init__(KafkaDatabaseInputs)

    def rules(self, inputs: KafkaDatabaseInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on names."""
        yield "name", names.resource_name(self.name, inputs.name, minimum=1)
        yield "catalog", names.resource_name("KafkaCatalog", inputs.catalog, minimum=1)

    async def unfit(self, facts: Facts, news: Mapping[str, Any], found: KafkaDatabase | None) -> Verdict:
        """Return that its catalog does not exist."""
        catalog = str(news["catalog"])
        present = catalog in await facts.all(KAFKA_CATALOGS) or facts.changes("KafkaCatalog", catalog)
        return exists(f"KafkaCatalog '{catalog}'", present=present)

    def collection(self, place: Mapping[str, Any]) -> Collection[KafkaDatabase]:
        """Return the databases of a catalog."""
        return kafka_databases(place["catalog"])

    def parsed(self, data: dict[str, Any]) -> KafkaDatabase:
        """Return the model of a document."""
        return KafkaDatabase.parse(data)

    def body(self, inputs: KafkaDatabaseInputs) -> dict[str, Any]:
        """Return the connection, and which environments may change tables."""
        return {"kafkaCluster": inputs.kafka_cluster, "ddlEnvironments": inputs.ddl_environments}

    def present(self, found: KafkaDatabase) -> dict[str, Any]:
        """Return the same of what CMF has."""
        return {
            "kafka_cluster": found.spec.kafka_cluster.wire(),
            "ddl_environments": found.spec.ddl_environments or None,
        }

    def computed(self, found: KafkaDatabase) -> dict[str, Any]:
        """Return the environments that see it."""
        return {"environments_with_access": found.status.environments_with_access if found.status else None}
