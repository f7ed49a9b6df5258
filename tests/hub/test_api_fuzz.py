"""Thousands of generated calls: a share of what `scripts/fuzz` sends."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conformance.fuzz import fuzz
from tests.support.fleet import CLUSTERS
from tests.support.hub import Hub
from tests.support.wait import wait_for


@pytest.fixture
def visited(own_hub: Callable[..., Hub]) -> Iterator[Hub]:
    """A hub for random requests; what they leave on the clusters is removed."""
    hub = own_hub()
    yield hub
    for cluster in CLUSTERS:
        hub.put(f"/kubernetes-clusters/{cluster}", {"spec": {"lifecycleState": "ACTIVE"}})
        hub.connected(cluster)
    for environment in hub.get("/environments").json()["items"]:
        path = f"/environments/{environment['name']}"
        for plural in ("applications", "statements", "compute-pools"):
            wait_for(partial(emptied, hub, f"{path}/{plural}"), f"{path}/{plural} to be empty")


def emptied(hub: Hub, path: str) -> bool:
    items = hub.get(path).json()["items"]
    for item in items:
        hub.delete(f"{path}/{item['metadata']['name']}")
    return not items


@pytest.mark.timeout(900)
def test_generated_calls_find_nothing(visited: Hub, tmp_path: Path) -> None:
    result = fuzz(visited, tmp_path, examples=5, seed=1)
    assert result.calls > 1000
    assert not result.failures, result.text
