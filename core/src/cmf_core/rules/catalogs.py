"""Kafka catalogs and databases: what belongs together, and who sees it (E37, E38)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cmf_core.models.catalog import InlineCluster
from cmf_core.rules.verdict import Refusal, Verdict, rule


@rule("E38")
def distinct_databases(catalog: str, clusters: Iterable[InlineCluster]) -> Verdict:
    """Each Kafka cluster of a catalog is a database with a name of its own."""
    seen = set()
    for cluster in clusters:
        if cluster.database_name in seen:
            text = f"KafkaCatalog '{catalog}': spec.kafkaClusters has databaseName '{cluster.database_name}' twice"
            return Refusal(422, text, "E38")
        seen.add(cluster.database_name)
    return None


@rule("E38")
def deletable(catalog: str, databases: Collection[str]) -> Verdict:
    """A catalog is deleted after its databases."""
    if not databases:
        return None
    text = f"KafkaCatalog '{catalog}' contains databases [{', '.join(databases)}]: delete them first"
    return Refusal(409, text, "E38")


@rule("E37")
def with_access(
    environments: Iterable[str], catalog: Collection[str] | None, database: Collection[str] | None = None
) -> list[str]:
    """An environment sees what it has mappings for: without the catalog's, none of its databases either.

    Args:
        environments: all of them.
        catalog: those with a mapping of the catalog's connectionSecretId; None if it has no such id.
        database: the same of the database's.
    """
    return sorted(
        name for name in environments if (catalog is None or name in catalog) and (database is None or name in database)
    )
