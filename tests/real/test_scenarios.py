"""The real operator goes through the states that its recordings, and so the stand-in, go through.

The scenarios and what is expected of them are those of `tests/operator_standin`: there the stand-in plays them all.
"""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from flink_operator_standin.machine import Key
from kubernetes.client.exceptions import ApiException

from tests.operator_standin import deviations
from tests.operator_standin.live import LiveCluster
from tests.operator_standin.observed import load
from tests.operator_standin.scenarios import SCENARIOS
from tests.real.counting import PATIENCE
from tests.real.fleet import DATA, NAMESPACE, RealFleet
from tests.support.wait import wait_for

Json = dict[str, Any]

PLAYED = (
    *(name for name in SCENARIOS if name.startswith("e-")),
    "d1-session-deploy",
    "d4-sessionjob-no-cluster",
    "m-image-missing",
    "v-img120as19",
)
"""Scenarios that are played here. The others need an image of Flink 1.18, a server of jars, or minutes each."""


class RealWorld(LiveCluster):
    """A cluster with the operator, whose nodes have one image of Flink."""

    def __init__(self, fleet: RealFleet) -> None:
        super().__init__(fleet.clusters["spoke"].cluster.kubeconfig, NAMESPACE)
        self._fleet = fleet

    def apply(self, resource: Json) -> None:
        """Create an object, with image, job and folder that are there."""
        spec = json.loads(json.dumps(resource["spec"]))
        if "9.9.9" not in spec.get("image", "9.9.9"):
            spec["image"] = self._fleet.image
        if "flinkVersion" in spec:
            spec |= {"flinkVersion": "v1_19", "podTemplate": self._fleet.pod_template}
        if "jarURI" in spec.get("job", {}) and resource["kind"] == "FlinkDeployment":
            name = resource["metadata"]["name"]
            spec["job"] |= {"jarURI": "local:///opt/flink/usrlib/counting.jar", "args": [f"{DATA}/counts/{name}"]}
        super().apply({**resource, "spec": spec})


@pytest.fixture(scope="module")
def played(fleet: RealFleet) -> Iterator[dict[str, Future[None]]]:
    """All scenarios on the cluster `spoke`, side by side: most of the time they wait for the operator."""
    with ThreadPoolExecutor(len(PLAYED)) as pool:
        yield {name: pool.submit(play, name, fleet) for name in PLAYED}


@pytest.mark.parametrize("name", PLAYED)
def test_the_real_operator_goes_through_the_recorded_states(name: str, played: dict[str, Future[None]]) -> None:
    played[name].result()


def play(name: str, fleet: RealFleet) -> None:
    """Play a scenario, and assert that its object goes through the recorded states."""
    scenario = SCENARIOS[name]
    acts, recorded = list(scenario.acts), list[str]()
    with RealWorld(fleet) as world:
        try:
            for line in load(name):
                if "act" in line:
                    reach(world, scenario.key, recorded)
                    acts.pop(0)(world)
                else:
                    recorded = distinct([*recorded, line])
            reach(world, scenario.key, recorded)
        finally:
            with suppress(ApiException):  # most scenarios end so
                world.delete(scenario.key)
            if scenario.quiet_after:  # the operator never lets it go
                world.patch(scenario.key, {"metadata": {"finalizers": None}})
            wait_for(lambda: world.get(scenario.key) is None, f"the deletion of {scenario.key}", PATIENCE)
        assert distinct(world.history(scenario.key))[: len(recorded)] == recorded


def reach(world: RealWorld, key: Key, recorded: list[str]) -> None:
    """Wait until an object has gone through as many states as were recorded."""
    if recorded:
        wait_for(
            lambda: len(distinct(world.history(key))) >= len(recorded), f"{recorded[-1]} of {key}", PATIENCE, every=0.5
        )


def distinct(states: list[Any]) -> list[str]:
    """Return states one after the other as lines, without what depends on when the operator looks."""
    lines: list[str] = []
    for state in states:
        line = state if isinstance(state, str) else json.dumps(deviations.lasting(state), sort_keys=True)
        if line != "null" and lines[-1:] != [line]:
            lines.append(line)
    return lines
