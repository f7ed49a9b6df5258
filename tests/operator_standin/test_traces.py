"""The machine goes through the states that the real operator was recorded to go through."""

import json
from typing import Any

import pytest
from flink_operator_standin.machine import Key

from tests.operator_standin import deviations
from tests.operator_standin.observed import TRACES, load
from tests.operator_standin.scenarios import SCENARIOS, Act
from tests.operator_standin.simulation import Simulation

Json = dict[str, Any]


class SimulatedWorld(Simulation):
    """The simulation as the place of recorded scenarios."""

    def play(self, name: str, acts: tuple[Act, ...], key: Key) -> list[Json]:
        """Play a scenario in step with its trace; the states that the object went through, from the trace's first on.

        An act is done when as many states were seen as were recorded before it, and as long after the last of them.
        """
        trace = load(name)
        states = self.history.setdefault(key, [])
        if states:
            trace.pop(0)
        start, recorded, last = len(states), 0, 0.0
        todo = list(acts)
        for line in trace:
            if "act" in line:
                wanted = start + recorded
                self.run_until(lambda wanted=wanted: len(states) >= wanted)  # type: ignore[misc]
                if not todo:
                    return states[start:]
                self.run_for(max(0.0, line["t"] - last) if recorded else 0.0)
                todo.pop(0)(self)
            else:
                recorded += 1
            last = line["t"]
        assert not todo, "the trace has fewer acts than the scenario"
        self.run_until(lambda: len(states) >= start + recorded)
        return states[start:]


def play(name: str) -> tuple[SimulatedWorld, list[Json], list[Json]]:
    """Play a scenario after those that it is given; the world, what was recorded, what was seen."""
    scenario = SCENARIOS[name]
    world = SimulatedWorld()
    for number, given in enumerate(scenario.given, start=1):
        earlier = SCENARIOS[given]
        last = number == len(scenario.given)
        world.play(given, earlier.acts[: scenario.cut] if last else earlier.acts, earlier.key)
        world.run_for(0.0 if last and scenario.cut else 5.0)
    for act in scenario.before:
        act(world)
        world.run_for(40.0)
    trace = load(name)
    recorded = [_state(line) for line in trace if "act" not in line]
    begins_later = bool(world.history.get(scenario.key))
    if begins_later:
        first = world.history[scenario.key][-1]
        seen = [first, *world.play(name, scenario.acts, scenario.key)]
    else:
        seen = world.play(name, scenario.acts, scenario.key)
    return world, recorded, [deviations.comparable(state) for state in seen]


def _state(line: Json) -> Json:
    return deviations.comparable({name: value for name, value in line.items() if name != "t"})


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_states_are_those_recorded(name: str) -> None:
    world, recorded, seen = play(name)
    assert _rows(seen) == _rows(recorded)
    before = len(world.history[SCENARIOS[name].key])
    world.run_for(SCENARIOS[name].quiet_after)
    assert len(world.history[SCENARIOS[name].key]) == before


def _rows(states: list[Json]) -> list[str]:
    """States as lines, so that a difference is shown in the state where it is."""
    return [json.dumps(state, sort_keys=True) for state in states]


def test_every_recorded_trace_is_played() -> None:
    assert {path.stem for path in TRACES.glob("*.jsonl")} - {"events"} == set(SCENARIOS)


def test_the_events_are_those_recorded() -> None:
    recorded = {
        _event(line["kind"], line["type"], line["reason"], line["component"], line["message"])
        for line in load("events")
    }
    seen = set()
    for name in SCENARIOS.keys() - deviations.WITHOUT_EVENTS:
        world, _, _ = play(name)
        seen |= {
            _event(key[0], event.type, event.reason, event.component, event.message) for key, event in world.events
        }
    assert seen == recorded


def _event(*parts: str) -> tuple[str, ...]:
    return (*parts[:-1], deviations.message(parts[-1])[:200])
