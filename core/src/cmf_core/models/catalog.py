"""KafkaCatalog and KafkaDatabase: a Schema Registry, and the Kafka clusters whose topics statements read (E38)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from cmf_core.models.base import Model, Resource, Text


class Connection(Model):
    """How to reach a Schema Registry or a Kafka cluster.

    Attributes:
        connection_config: client properties, without credentials.
        connection_secret_id: name of the environments' secret mappings that add the credentials. Without
            a mapping of that name an environment does not see the catalog or database.
    """

    connection_config: dict[str, Text]
    connection_secret_id: str | None = None


class InlineCluster(Connection):
    """A Kafka cluster inside a catalog, as before CMF 2.1; it becomes a database of its own (D19)."""

    database_name: str


class KafkaCatalogSpec(Model):
    """Desired catalog."""

    sr_instance: Connection
    kafka_clusters: list[InlineCluster] | None = None


class AccessStatus(Model):
    """Who can use a catalog or database."""

    environments_with_access: list[str] | None = None


class KafkaCatalog(Resource):
    """A catalog, global to the hub."""

    kind: Literal["KafkaCatalog"] = "KafkaCatalog"
    spec: KafkaCatalogSpec
    status: AccessStatus | None = None


class KafkaDatabaseSpec(Model):
    """Desired database. `ddl_environments` may change its tables; `alterEnvironments` is its name before 2.3 (D20)."""

    kafka_cluster: Connection
    ddl_environments: list[str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _old_name(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "alterEnvironments" not in data:
            return data
        rest = dict(data)
        old = rest.pop("alterEnvironments")
        if rest.get("ddlEnvironments") not in (None, old):
            raise ValueError("ddlEnvironments and alterEnvironments, its old name, differ: send ddlEnvironments")
        return {**rest, "ddlEnvironments": old}


class KafkaDatabase(Resource):
    """A database of a catalog."""

    kind: Literal["KafkaDatabase"] = "KafkaDatabase"
    spec: KafkaDatabaseSpec
    status: AccessStatus | None = None
