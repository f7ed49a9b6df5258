"""Operations of the CMF API, without HTTP: rules first, then the store, then the cluster.

One module a kind; ``writes`` is the one way to change something that has a Kubernetes object, ``views``
renders what is read, ``documents`` keeps the hub's bookkeeping out of users' hands. The API layer and the
composition root import this package; it imports ``flink``, ``clusters`` and ``store``.
"""

from __future__ import annotations

from dataclasses import dataclass

from cmf_hub.clock import Clock
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.encryption import Keyring
from cmf_hub.flink.preflight import Preflight
from cmf_hub.flink.reconciler import Reconciler
from cmf_hub.services.applications import ApplicationService
from cmf_hub.services.catalog_script import CatalogScripts
from cmf_hub.services.catalogs import CatalogService, DatabaseService
from cmf_hub.services.clusters import ClusterService
from cmf_hub.services.environments import EnvironmentService
from cmf_hub.services.exceptions import StatementExceptions
from cmf_hub.services.information import Information
from cmf_hub.services.mappings import MappingService
from cmf_hub.services.orphans import OrphanService
from cmf_hub.services.planner import Planner
from cmf_hub.services.pools import PoolService
from cmf_hub.services.queries import Queries
from cmf_hub.services.results import Results
from cmf_hub.services.savepoints import DetachedSavepointService, SavepointService
from cmf_hub.services.secrets import SecretService
from cmf_hub.services.statements import StatementService
from cmf_hub.services.views import Page, Views
from cmf_hub.services.web_ui import WebUi
from cmf_hub.services.writes import Writes
from cmf_hub.settings import Settings
from cmf_hub.store import Store

__all__ = ["Page", "Services", "create_services"]


@dataclass(frozen=True)
class Services:
    """All operations, by kind."""

    environments: EnvironmentService
    applications: ApplicationService
    pools: PoolService
    statements: StatementService
    savepoints: SavepointService
    detached_savepoints: DetachedSavepointService
    queries: Queries
    clusters: ClusterService
    orphans: OrphanService
    secrets: SecretService
    mappings: MappingService
    catalogs: CatalogService
    databases: DatabaseService
    information: Information
    views: Views
    statement_exceptions: StatementExceptions
    web_ui: WebUi


def create_services(
    store: Store,
    registry: ClusterRegistry,
    reconciler: Reconciler,
    settings: Settings,
    clock: Clock,
    preflight: Preflight,
) -> Services:
    """Return the operations over these parts.

    Raises:
        BadKeys: the settings name encryption keys that cannot be used.
    """
    information = Information(store, registry, settings)
    writes = Writes(store, registry, reconciler, clock)
    secrets = SecretService(store, Keyring.of(settings), clock, production=settings.sql_production)
    scripts = CatalogScripts(store, secrets, settings)
    results = Results(writes, settings, clock)
    queries = Queries(writes, scripts, results, settings, clock)
    return Services(
        environments=EnvironmentService(writes, preflight, absent_clears=settings.environment_absent_clears),
        applications=ApplicationService(writes),
        pools=PoolService(writes),
        statements=StatementService(
            writes,
            Planner(writes, scripts, settings, clock),
            queries,
            results,
            driver=settings.sql_runner == "driver",
        ),
        queries=queries,
        savepoints=SavepointService(writes, settings),
        detached_savepoints=DetachedSavepointService(writes),
        clusters=ClusterService(writes),
        orphans=OrphanService(writes),
        secrets=secrets,
        mappings=MappingService(writes),
        catalogs=CatalogService(store, clock),
        databases=DatabaseService(store, clock),
        information=information,
        views=Views(store, registry, information),
        statement_exceptions=StatementExceptions(writes, settings),
        web_ui=WebUi(writes, settings),
    )
