"""A cluster and a clock in memory: the API server's part of a scenario, with the machine playing the operator."""

import copy
import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from flink_operator_standin import machine
from flink_operator_standin.effects import Emit, Kind, Memory, Replace, Steps, Wait, WriteStatus
from flink_operator_standin.machine import Key
from flink_operator_standin.timings import Timings

from tests.operator_standin.observed import GONE, reduce

Json = dict[str, Any]
START = 1_700_000_000.0


class FakeClock:
    """Time that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def epoch(self) -> float:
        return START + self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class _Work:
    memory: Memory = field(default_factory=Memory)
    steps: Steps | None = None
    due: int = 0
    woken: bool = False


class Simulation:
    """Objects with the API server's rules (generation, finalizers, status subresource) and the machine over them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.events: list[tuple[Key, Emit]] = []
        self.history: dict[Key, list[Json]] = {}
        self._objects: dict[Key, Json] = {}
        self._work: dict[Key, _Work] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count(1)

    # The user's side.

    def apply(self, resource: Json) -> None:
        """Create an object."""
        resource = copy.deepcopy(resource)
        resource["metadata"] |= {"uid": self._id(), "generation": 1}
        assert machine.key_of(resource) not in self._objects
        self._put(None, resource)

    def patch(self, key: Key, change: Json) -> None:
        """Merge a change into an object."""
        before = self._objects[key]
        after = _merge(before, change)
        if after["spec"] != before["spec"]:
            after["metadata"]["generation"] += 1
        self._put(before, after)

    def set_spec(self, key: Key, spec: Json) -> None:
        """Replace an object's spec."""
        before = self._objects[key]
        after = {**copy.deepcopy(before), "spec": copy.deepcopy(spec)}
        if after["spec"] != before["spec"]:
            after["metadata"]["generation"] += 1
        self._put(before, after)

    def delete(self, key: Key) -> None:
        """Delete an object: gone at once, or with its last finalizer."""
        before = self._objects[key]
        after = copy.deepcopy(before)
        if not after["metadata"].get("finalizers"):
            self._drop(before)
            return
        after["metadata"] |= {
            "deletionTimestamp": str(self.clock.now),
            "generation": after["metadata"]["generation"] + 1,
        }
        self._put(before, after)

    def restart_operator(self) -> None:
        """Lose everything that the stand-in had in memory, and take the objects over."""
        self._work.clear()
        for key in list(self._objects):
            self._wake(key)

    # The machine's view of the others.

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        return self._objects.get((kind, namespace, name))

    def session_jobs(self, namespace: str, deployment: str) -> Iterable[Json]:
        for (kind, where, _), job in list(self._objects.items()):
            if (kind, where) == ("FlinkSessionJob", namespace) and job["spec"].get("deploymentName") == deployment:
                yield job

    # Time.

    def run_until(self, condition: Callable[[], bool], limit: float = 300.0) -> bool:
        """Let time pass until the condition holds; False if nothing is left to happen or the limit is reached."""
        end = self.clock.now + limit
        while not condition():
            if not self._queue or self._queue[0][0] > end:
                return False
            self.clock.now, _, action = heapq.heappop(self._queue)
            action()
        return True

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.clock.now, _, action = heapq.heappop(self._queue)
            action()
        self.clock.now = end

    def last(self, key: Key) -> Json:
        """The object's last state."""
        return self.history[key][-1]

    def wait_for(self, key: Key, **wanted: Any) -> Json:
        """Let time pass until the object's state has these values (`job`: the job's state)."""

        def shown() -> Json:
            state = self.last(key) if key in self.history else {}
            return {**state, "job": state.get("job", {}).get("state")}

        assert self.run_until(lambda: wanted.items() <= shown().items()), f"not {wanted}: {self.history.get(key)}"
        return self.last(key)

    def wait_for_job(self, key: Key, state: str) -> None:
        """Let time pass until the job is in a state."""
        self.wait_for(key, job=state)

    def wait_gone(self, key: Key) -> None:
        """Let time pass until the object is deleted."""
        assert self.run_until(lambda: self.last(key) == GONE), f"still there: {self.last(key)}"

    def status(self, key: Key) -> Json:
        """The object's whole status."""
        status: Json = self._objects[key].get("status") or {}
        return status

    def spec(self, key: Key) -> Json:
        """The object's whole spec."""
        spec: Json = self._objects[key]["spec"]
        return spec

    def labels(self, key: Key) -> Json:
        """The object's labels."""
        labels: Json = self._objects[key]["metadata"].get("labels") or {}
        return labels

    def command(self, key: Key, **commands: str | None) -> None:
        """Annotate an object with stand-in commands; None removes one."""
        names = {f"standin.flink/{name.replace('_', '-')}": value for name, value in commands.items()}
        self.patch(key, {"metadata": {"annotations": names}})

    def told(self, key: Key) -> list[tuple[str, str]]:
        """Reason and message of the events about an object."""
        return [(event.reason, event.message) for about, event in self.events if about == key]

    # The API server's side.

    def _put(self, before: Json | None, after: Json) -> None:
        key = machine.key_of(after)
        self._objects[key] = after
        self._record(key, reduce(after))
        for other in machine.dependants(before, after, list(self._objects.values())):
            self._wake(other)
        if machine.wakes(before, after):
            self._wake(key)

    def _drop(self, before: Json) -> None:
        key = machine.key_of(before)
        del self._objects[key]
        self._work.pop(key, None)
        self._record(key, GONE)
        for other in machine.dependants(before, None, list(self._objects.values())):
            self._wake(other)

    def _record(self, key: Key, state: Json) -> None:
        states = self.history.setdefault(key, [])
        if not states or states[-1] != state:
            states.append(state)

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._numbers), action))

    def _id(self) -> str:
        return f"{next(self._numbers):032x}"

    # The controller's side: one reconciliation at a time an object.

    def _wake(self, key: Key) -> None:
        if key not in self._objects:
            return
        work = self._work.setdefault(key, _Work())
        if work.steps is not None:
            work.woken = True
            return
        work.due += 1
        self._at(self.clock.now, lambda due=work.due: self._begin(key, work, due))  # type: ignore[misc]

    def _begin(self, key: Key, work: _Work, due: int) -> None:
        if self._work.get(key) is not work or work.due != due or key not in self._objects:
            return
        context = machine.begin(self._objects[key], self, work.memory, Timings(), self.clock, self._id)
        work.steps = machine.reconcile(context)
        self._go_on(key, work)

    def _go_on(self, key: Key, work: _Work) -> None:
        assert work.steps is not None
        while self._work.get(key) is work:
            try:
                effect = next(work.steps)
            except StopIteration as stop:
                self._end(key, work, stop.value)
                return
            match effect:
                case Wait(seconds):
                    self._at(self.clock.now + seconds, lambda: self._go_on(key, work))
                    return
                case Emit():
                    self.events.append((key, effect))
                case WriteStatus(status):
                    before = self._objects[key]
                    self._put(before, {**before, "status": status})
                case Replace(resource):
                    self._replace(key, resource)

    def _replace(self, key: Key, resource: Json) -> None:
        before = self._objects[key]
        after = {**copy.deepcopy(resource), "status": before.get("status", {})}
        assert after["metadata"]["generation"] == before["metadata"]["generation"], "a write over a newer version"
        if "deletionTimestamp" in after["metadata"] and not after["metadata"].get("finalizers"):
            self._drop(before)
            return
        if after["spec"] != before["spec"]:
            after["metadata"]["generation"] += 1
        self._put(before, after)

    def _end(self, key: Key, work: _Work, again: float | None) -> None:
        work.steps = None
        work.due += 1
        if work.woken:
            work.woken = False
            self._wake(key)
        elif again is not None:
            self._at(self.clock.now + again, lambda due=work.due: self._begin(key, work, due))  # type: ignore[misc]


def _merge(target: Json, change: Json) -> Json:
    """A JSON merge patch."""
    result = copy.deepcopy(target)
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = _merge(result[name], value)
        else:
            result[name] = copy.deepcopy(value)
    return result
