"""Where JobManagers listen."""

import pytest
from cmf_hub.clusters.services import Address
from cmf_hub.flink.jobmanager import address
from cmf_hub.settings import Settings

from tests.hub.flink.samples import application, environment, place, pool, statement

SETTINGS = Settings()


@pytest.mark.rule("P04", "P05")
def test_statements_share_the_pools_job_manager_or_have_their_own() -> None:
    assert address(place(application("orders")), SETTINGS) == Address("flink", "orders-rest", 8081)
    assert address(place(pool()), SETTINGS) == Address("flink", "pool-rest", 8081)
    assert address(place(statement("sql"), pool()), SETTINGS) == Address("flink", "pool-rest", 8081)
    assert address(place(statement("sql"), pool("DEDICATED")), SETTINGS) == Address("flink", "sql-rest", 8081)


@pytest.mark.parametrize(
    ("port", "expected"),
    [(9081, 9081), ("9081", 9081), ("0", 8081), ("70000", 8081), ("8081-8090", 8081), ("x", 8081), ("9" * 5000, 8081)],
)
def test_the_configuration_says_which_port(port: object, expected: int) -> None:
    configured = application("orders", spec={"flinkConfiguration": {"rest.port": port}})
    assert address(place(configured), SETTINGS).port == expected


def test_the_environments_configuration_wins() -> None:
    defaults = {"spec": {"flinkConfiguration": {"rest": {"port": 9999}, "security.ssl.rest.enabled": True}}}
    within = environment(flinkApplicationDefaults=defaults)
    configured = application("orders", spec={"flinkConfiguration": {"rest.port": "9081"}})
    assert address(place(configured, within=within), SETTINGS) == Address("flink", "orders-rest", 9999, tls=True)
