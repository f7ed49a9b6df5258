"""What an environment sees, as the SQL that makes it: its catalogs and databases, and the tables in them (E37, E38).

Secrets of the environment's mappings are merged into connectionConfig here, at use. What comes out may therefore
hold credentials: it goes to SQL gateways and, encrypted, to jobs, and `Script.redacted` takes them out of what
comes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cmf_core.rules import catalogs as rules

from cmf_hub.flink.sql import options, quoted_name, quoted_text
from cmf_hub.services.kinds import CATALOG, DATABASE, MAPPING
from cmf_hub.services.mappings import secret_of
from cmf_hub.services.secrets import SecretService
from cmf_hub.settings import Settings
from cmf_hub.store import Ddl, Record, Store

CURRENT_CATALOG, CURRENT_DATABASE = "sql.current-catalog", "sql.current-database"

DEFAULT_CATALOG = "default_catalog"
"""Flink's own catalog; what an environment makes there, it alone sees."""

_DEFAULT = (DEFAULT_CATALOG, "default_database")
_PLACEHOLDER = re.compile(r"\{(catalog|database|default|options)\}")
_SHORTEST_SECRET = 4
"""Shorter values are not looked for in answers: they stand in ordinary words."""
_MASK = "****"


@dataclass(frozen=True)
class Step:
    """One statement of a script; a failed one that is not `needed` is left out: what it made is not there then."""

    statement: str = field(repr=False)
    needed: bool


@dataclass(frozen=True)
class Script:
    """What makes the catalogs, databases and tables of an environment.

    Attributes:
        steps: the statements in order.
        current: catalog and database that statements run in; "" for Flink's default ones.
        secrets: values that must not show.
        databases: catalog and name of each database that the environment sees, and whether it may change its tables.
    """

    steps: tuple[Step, ...]
    current: tuple[str, str]
    secrets: frozenset[str] = field(repr=False)
    databases: Mapping[tuple[str, str], bool]

    def redacted(self, text: str) -> str:
        """Return a text without the values of secrets."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return text


class CatalogScripts:
    """Makes scripts of what is in the store."""

    def __init__(self, store: Store, secrets: SecretService, settings: Settings) -> None:
        self._store = store
        self._secrets = secrets
        self._settings = settings

    def of(self, environment: str, properties: Mapping[str, str]) -> Script:
        """Return the script of an environment for a statement with these properties.

        Raises:
            Undecryptable: a secret cannot be read.
        """
        mapped = {mapping.name: secret_of(mapping) for mapping in self._store.list(MAPPING, environment)}
        steps: list[Step] = []
        secrets: set[str] = set()
        databases: dict[tuple[str, str], bool] = {}

        def connection(spec: Mapping[str, Any], which: str) -> dict[str, str]:
            secret_id = spec[which].get("connectionSecretId")
            values = self._secrets.values(mapped[secret_id]) if secret_id else {}
            secrets.update(value for value in values.values() if len(value) >= _SHORTEST_SECRET)
            return {**spec[which]["connectionConfig"], **values}

        for catalog, inside in self._visible(environment, mapped):
            first = inside[0].name if inside else "default"
            known = {"catalog": quoted_name(catalog.name), "default": quoted_text(first)}
            fill = known | {"options": options(connection(catalog.spec, "srInstance"))}
            steps.append(Step(_filled(self._settings.sql_catalog_ddl, fill), needed=True))
            for database in inside:
                databases[catalog.name, database.name] = environment in (database.spec.get("ddlEnvironments") or ())
                fill = known | {
                    "database": quoted_name(database.name),
                    "options": options(connection(database.spec, "kafkaCluster")),
                }
                steps.append(Step(_filled(self._settings.sql_database_ddl, fill), needed=True))
        steps += self._tables(environment, databases)
        current = properties.get(CURRENT_CATALOG, ""), properties.get(CURRENT_DATABASE, "")
        steps += _use(*current)
        return Script(tuple(steps), current, frozenset(secrets), databases)

    def _visible(self, environment: str, mapped: Mapping[str, str]) -> Iterator[tuple[Record, list[Record]]]:
        for catalog in self._store.list(CATALOG):
            if _sees(environment, mapped, catalog.spec, "srInstance"):
                inside = self._store.list(DATABASE, catalog.name)
                yield catalog, [one for one in inside if _sees(environment, mapped, one.spec, "kafkaCluster")]

    def _tables(self, environment: str, databases: Mapping[tuple[str, str], bool]) -> Iterator[Step]:
        at: tuple[str, str] | None = None
        for ddl in self._store.ddl(environment):
            place = (ddl.catalog, ddl.database)
            if ddl.catalog and (place not in databases or not in_memory(self._settings)):
                continue
            if place != at:
                yield from _use(*(place if ddl.catalog else _DEFAULT))
                at = place
            yield Step(ddl.statement, needed=False)
        if at is not None:
            yield from _use(*_DEFAULT)


def in_memory(settings: Settings) -> bool:
    """Tell whether Flink forgets the tables of KafkaCatalogs with each session, so that the hub has to remember them.

    To carry out DDL again where it is not so would drop tables that were made anew since.
    """
    return "generic_in_memory" in settings.sql_catalog_ddl


def place_of(script: Script, environment: str, statement: str) -> Ddl:
    """Return what is to be remembered of a statement that changed tables."""
    catalog, database = script.current
    if not catalog or catalog == DEFAULT_CATALOG:
        return Ddl(environment, "", "", statement)
    if not database:  # the first one is its catalog's default
        database = next((name for of, name in script.databases if of == catalog), "")
    return Ddl("", catalog, database, statement)


def _use(catalog: str, database: str) -> Iterator[Step]:
    if catalog:
        yield Step(f"USE CATALOG {quoted_name(catalog)}", needed=True)
    if database:
        yield Step(f"USE {quoted_name(database)}", needed=True)


def _sees(environment: str, mapped: Mapping[str, str], spec: Mapping[str, Any], connection: str) -> bool:
    secret_id = spec[connection].get("connectionSecretId")
    holders = None if not secret_id else [environment] * (secret_id in mapped)
    return bool(rules.with_access([environment], holders))


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
