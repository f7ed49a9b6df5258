"""Where the JobManager of a resource listens: the Service that Flink makes for its REST API.

| resource | JobManager |
|---|---|
| FlinkApplication, ComputePool SHARED | of its own FlinkDeployment |
| Statement on a SHARED pool | of the pool's session cluster (P05) |
| Statement on a DEDICATED pool | of its own FlinkDeployment (P04) |
"""

from __future__ import annotations

from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.services import Address, Service
from cmf_hub.flink.configuration import flat
from cmf_hub.flink.manifests import manifest, rest_port
from cmf_hub.flink.placement import STATEMENT, Placement, is_shared
from cmf_hub.settings import Settings


def job_manager(connection: Connection, placed: Placement, settings: Settings) -> Service:
    """Return the REST API of a resource's JobManager, which may not be there yet.

    The resource must be one that can have a JobManager: no DEDICATED pool, no statement without pool.
    """
    return Service(connection, address(placed, settings))


def address(placed: Placement, settings: Settings) -> Address:
    """Return where the JobManager of a resource listens."""
    if placed.record.key.kind == STATEMENT and placed.pool is not None and is_shared(placed.pool):
        placed = Placement(placed.pool, placed.environment)
    configuration = flat(manifest(placed, settings)["spec"].get("flinkConfiguration"))
    return Address(
        placed.namespace,
        f"{placed.record.name}-rest",
        rest_port(configuration),
        tls=configuration.get("security.ssl.rest.enabled", "").lower() == "true",
    )
