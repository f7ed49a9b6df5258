"""Models speak camelCase outside, snake_case inside, and lose nothing."""

from datetime import UTC, datetime

import pytest
from cmf_core.models import ComputePool, Environment, KubernetesCluster, Statement, timestamp
from pydantic import ValidationError


@pytest.mark.parametrize(
    "sent",
    [{"name": "prod-eu"}, {"metadata": {"name": "prod-eu"}}, {"name": "prod-eu", "metadata": {"name": "prod-eu"}}],
)
def test_an_environment_takes_its_name_from_either_place(sent: dict[str, object]) -> None:
    environment = Environment.parse({**sent, "kubernetesNamespace": "flink"})
    assert environment.name == environment.metadata.name == "prod-eu"
    assert environment.wire() == {
        "name": "prod-eu",
        "metadata": {"name": "prod-eu"},
        "kubernetesNamespace": "flink",
    }


def test_two_names_that_differ_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"'a' and metadata\.name 'b' differ"):
        Environment.parse({"name": "a", "metadata": {"name": "b"}})


def test_nulls_of_the_command_line_are_absence() -> None:
    environment = Environment.parse({"name": "prod", "flinkApplicationDefaults": None, "metadata": None})
    assert environment.flink_application_defaults is None
    assert environment.metadata.name == "prod"


def test_fields_of_newer_servers_survive_the_round_trip() -> None:
    sent = {
        "apiVersion": "cmf.confluent.io/v1",
        "kind": "Statement",
        "metadata": {"name": "stmt"},
        "spec": {
            "statement": "SELECT 1",
            "computePoolName": "pool",
            "parallelism": 1,
            "stopped": False,
            "upgradeMode": "savepoint",
        },
        "status": {"phase": "RUNNING", "newer": {"a": 1}},
    }
    assert Statement.parse(sent).wire() == sent


def test_configuration_values_may_be_numbers_and_booleans() -> None:
    spec = {
        "statement": "SELECT 1",
        "computePoolName": "pool",
        "flinkConfiguration": {"a": 4, "b": True, "c": 4.0, "d": 0.5},
    }
    statement = Statement.parse({"metadata": {"name": "stmt"}, "spec": spec})
    assert statement.spec.flink_configuration == {"a": "4", "b": "true", "c": "4", "d": "0.5"}


@pytest.mark.rule("P14")
def test_a_pool_is_dedicated_or_shared() -> None:
    with pytest.raises(ValidationError, match="'DEDICATED' or 'SHARED'"):
        ComputePool.parse({"metadata": {"name": "pool"}, "spec": {"type": "BOTH", "clusterSpec": {}}})


@pytest.mark.rule("P06")
def test_a_pool_needs_a_cluster_spec() -> None:
    with pytest.raises(ValidationError, match="clusterSpec"):
        ComputePool.parse({"metadata": {"name": "pool"}, "spec": {"type": "SHARED"}})


@pytest.mark.rule("C62")
def test_a_cluster_of_another_life_cycle_is_refused() -> None:
    with pytest.raises(ValidationError, match="'ACTIVE' or 'DECOMMISSIONED'"):
        KubernetesCluster.parse({"spec": {"lifecycleState": "RETIRED"}})


def test_timestamps_are_utc_with_milliseconds() -> None:
    assert timestamp(datetime(2025, 3, 31, 11, 34, 1, 503999, tzinfo=UTC)) == "2025-03-31T11:34:01.503Z"
