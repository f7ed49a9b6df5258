"""How many resources there are, and what they use.

Numbers are counted by the database. Use is what the specifications ask for, environment defaults included,
of everything that is to run: suspended, stopped, ended and deleted things use nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import add

from cmf_core.models import (
    ResourceInformation,
    ResourceInformationStatus,
    Resources,
    ResourcesByStatusAndType,
    ResourceSummary,
    ResourceUsageSummary,
)
from cmf_core.usage import deployment_usage, session_job_usage

from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.flink.manifests import manifest
from cmf_hub.flink.placement import APPLICATION, ENVIRONMENT, POOL, STATEMENT, Placement, is_shared, pool_key
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.flink.savepoints import SAVEPOINT
from cmf_hub.services.kinds import CATALOG, SECRET
from cmf_hub.services.writes import environment_of
from cmf_hub.settings import Settings
from cmf_hub.store import Condition, Query, Record, Store

_PHASE = ("status", "phase")
_JOB_STATE = ("status", "jobStatus", "state")
_NO_STATE = {APPLICATION: "UNKNOWN", STATEMENT: "PENDING"}
"""State of what has none yet."""
_CHUNK = 50
"""Applications and pools whose use is added up before others are served; some milliseconds."""
_KNOWN = 20_000
"""Applications whose use is remembered, by their uid and generation and those of their environment; about 1 kB each."""


class Information:
    """Numbers and use of resources."""

    def __init__(self, store: Store, registry: ClusterRegistry, settings: Settings) -> None:
        self._store = store
        self._registry = registry
        self._settings = settings
        self._known: dict[tuple[str, int, str, str, int], ResourceUsageSummary] = {}

    async def everything(self) -> ResourceInformation:
        """Return numbers and use of all resources. Others are served while this goes through them."""
        used = ResourceUsageSummary()
        for environment in self._store.list(ENVIRONMENT):
            for number, usage in enumerate(self._usages(environment)):
                used += usage
                if number % _CHUNK == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
        states = Counter(str(self._registry.state(name)[0]) for name in self._registry.names())
        detached = self._store.count(Query(SAVEPOINT, ""))
        resources = Resources(
            environments=self._count(ENVIRONMENT),
            applications=self._tally(Query(APPLICATION)),
            compute_pools=self._count(POOL),
            statements=self._tally(Query(STATEMENT)),
            secrets=self._count(SECRET),
            catalogs=self._count(CATALOG),
            savepoints=self._count(SAVEPOINT) - detached,
            detached_savepoints=detached,
            kubernetes_clusters=dict(sorted(states.items())),
        )
        both = (used.job_manager, used.task_manager)
        summary = ResourceSummary(cpu=sum(part.cpu for part in both), memory=sum(part.memory for part in both))
        return ResourceInformation(status=ResourceInformationStatus(resources=resources, resource_summary=summary))

    def fields(self, record: Record) -> Mapping[str, object]:
        """Return the status fields that `include-resource-information` asks for."""
        if record.key.kind == ENVIRONMENT:
            inside = ResourcesByStatusAndType(
                applications=self._tally(Query(APPLICATION, record.name)),
                statements=self._tally(Query(STATEMENT, record.name)),
            )
            return {"resources": inside.wire(), "resourceSummary": self.environment_usage(record).wire()}
        environment = environment_of(self._store, record.key.scope)
        if record.key.kind == POOL:
            query = Query(
                STATEMENT, record.key.scope, (Condition((("spec", "computePoolName"),), "in", (record.name,)),)
            )
            inside = ResourcesByStatusAndType(statements=self._tally(query))
            rows = self._store.page(query)
            statements = [found for row in rows if (found := self._store.get(row.key)) is not None]
            used = self._pool_usage(record, environment, statements)
            return {"resources": inside.wire(), "resourceSummary": used.wire()}
        if record.key.kind == APPLICATION:
            return {"resourceSummary": self._application_usage(record, environment).wire()}
        pool = pool_key(record)
        return {
            "resourceSummary": self._statement_usage(
                Placement(record, environment, self._store.get(pool) if pool else None)
            ).wire()
        }

    def environment_usage(self, environment: Record) -> ResourceUsageSummary:
        """Return what the applications and pools of an environment use, and with the pools their statements."""
        return _total(self._usages(environment))

    def _usages(self, environment: Record) -> Iterator[ResourceUsageSummary]:
        statements: dict[str, list[Record]] = defaultdict(list)
        for record in self._store.list(STATEMENT, environment.name):
            statements[str(record.spec["computePoolName"])].append(record)
        applications = self._store.list(APPLICATION, environment.name)
        pools = self._store.list(POOL, environment.name)
        for record in applications:
            yield self._application_usage(record, environment)
        for record in pools:
            yield self._pool_usage(record, environment, statements[record.name])

    def _application_usage(self, record: Record, environment: Record) -> ResourceUsageSummary:
        placed = Placement(record, environment)
        if presence(placed) is not Presence.PRESENT:
            return ResourceUsageSummary()
        # One that was adopted has the uid and perhaps the generation of what was there before, but is newer.
        revisions = (record.uid, record.generation, record.updated, environment.uid, environment.generation)
        known = self._known.get(revisions)
        if known is None:
            known = deployment_usage(manifest(placed, self._settings)["spec"])
            if len(self._known) >= _KNOWN:
                del self._known[next(iter(self._known))]
            self._known[revisions] = known
        return known

    def _pool_usage(self, pool: Record, environment: Record, statements: Iterable[Record]) -> ResourceUsageSummary:
        placed = [Placement(record, environment, pool) for record in statements]
        if not is_shared(pool):
            return _total(self._statement_usage(each) for each in placed)
        own = Placement(pool, environment)
        if presence(own) is not Presence.PRESENT:
            return ResourceUsageSummary()
        parallelism = sum(_parallelism(each.record) for each in placed if presence(each) is Presence.PRESENT)
        return deployment_usage(manifest(own, self._settings)["spec"], parallelism)

    def _statement_usage(self, placed: Placement) -> ResourceUsageSummary:
        """Return what a statement uses: a cluster of its own, or its slots on the session cluster that it shares."""
        if placed.pool is None or presence(placed) is not Presence.PRESENT:
            return ResourceUsageSummary()
        if not is_shared(placed.pool):
            return deployment_usage(manifest(placed, self._settings)["spec"])
        session = manifest(Placement(placed.pool, placed.environment), self._settings)["spec"]
        return session_job_usage(session, _parallelism(placed.record))

    def _count(self, kind: str) -> int:
        return self._store.count(Query(kind))

    def _tally(self, query: Query) -> dict[str, int]:
        """Return how many applications or statements of a query there are in each state."""
        field = _JOB_STATE if query.kind == APPLICATION else _PHASE
        result: Counter[str] = Counter()
        for state, number in self._store.tally(query, field).items():
            result[state or _NO_STATE[query.kind]] += number
        return dict(result)


def _parallelism(statement: Record) -> int:
    return int(statement.spec.get("parallelism") or 1)


def _total(usages: Iterable[ResourceUsageSummary]) -> ResourceUsageSummary:
    return reduce(add, usages, ResourceUsageSummary())
