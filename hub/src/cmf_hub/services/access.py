"""Which environments see a Kafka catalog or database: those with a mapping for its connectionSecretId (E37)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from cmf_core.rules import catalogs

from cmf_hub.flink.placement import ENVIRONMENT
from cmf_hub.services.kinds import CATALOG, MAPPING
from cmf_hub.store import Condition, Key, Query, Store


class Access:
    """Answers for the length of one answer of the API: what it has looked up, it does not look up again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mapped = lru_cache(maxsize=1024)(self._look_up)

    def catalog(self, spec: Mapping[str, Any]) -> list[str]:
        """Return the environments that see a catalog of this spec."""
        return catalogs.with_access(self._environments, self._with_mapping(spec, "srInstance"))

    def database(self, catalog: str, spec: Mapping[str, Any]) -> list[str]:
        """Return the environments that see a database of this spec: they see its catalog too."""
        record = self._store.get(Key(CATALOG, "", catalog))
        holder = self._with_mapping(record.spec, "srInstance") if record is not None else frozenset()
        return catalogs.with_access(self._environments, holder, self._with_mapping(spec, "kafkaCluster"))

    @cached_property
    def _environments(self) -> list[str]:
        return [row.key.name for row in self._store.page(Query(ENVIRONMENT, ""))]

    def _with_mapping(self, spec: Mapping[str, Any], connection: str) -> frozenset[str] | None:
        secret_id = spec[connection].get("connectionSecretId")
        return self._mapped(secret_id) if secret_id else None

    def _look_up(self, secret_id: str) -> frozenset[str]:
        condition = Condition((("name",),), "in", (secret_id,))
        return frozenset(row.key.scope for row in self._store.page(Query(MAPPING, None, (condition,))))
