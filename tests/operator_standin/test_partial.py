"""Objects that the CRDs admit and nobody means: any part of a spec may be missing, at any time."""

import copy
from typing import Any

from flink_operator_standin import machine
from hypothesis import given
from hypothesis import strategies as st

from tests.operator_standin import objects
from tests.operator_standin.simulation import Simulation

Json = dict[str, Any]
Path = tuple[str, ...]


def paths(value: Json, above: Path = ()) -> list[Path]:
    """Every field of a nested object, by its path."""
    found = []
    for name, part in value.items():
        found.append((*above, name))
        if isinstance(part, dict):
            found += paths(part, (*above, name))
    return found


def without(resource: Json, missing: list[Path]) -> Json:
    """The object without these fields of its spec."""
    resource = copy.deepcopy(resource)
    for path in missing:
        place = resource["spec"]
        for name in path[:-1]:
            place = place.get(name) or {}
        place.pop(path[-1], None)
    return resource


SUBJECTS = (
    objects.application(),
    objects.standalone_application("app"),
    objects.session("app"),
    objects.session_job("app", "app"),
    objects.snapshot("app"),
)


@given(data=st.data(), subject=st.sampled_from(SUBJECTS), first=st.booleans())
def test_a_partial_object_is_taken_and_can_be_put_right(data: st.DataObject, subject: Json, first: bool) -> None:
    missing = data.draw(st.lists(st.sampled_from(paths(subject["spec"])), min_size=1, max_size=4))
    partial = without(subject, missing)
    key = machine.key_of(subject)
    world = Simulation()
    if subject["kind"] == "FlinkSessionJob":
        world.apply(objects.session("app"))
    if subject["kind"] == "FlinkStateSnapshot":
        world.apply(objects.application())
        world.run_for(60)
    world.apply(partial if first else subject)
    world.run_for(120)
    world.set_spec(key, partial["spec"])
    world.run_for(120)
    world.set_spec(key, subject["spec"])
    world.run_for(200)
    if subject["kind"] == "FlinkStateSnapshot":
        return
    if not _switched(subject, partial, first):
        assert world.last(key)["lifecycleState"] == "STABLE", world.last(key)
    world.delete(key)
    world.wait_gone(key)


def _switched(subject: Json, partial: Json, first: bool) -> bool:
    """Whether the partial spec was deployed as another kind of cluster, which no later spec may change."""
    was, is_ = partial["spec"], subject["spec"]
    return first and (
        ("job" in was) != ("job" in is_) or was.get("mode") != is_.get("mode") or "deploymentName" not in was
    )
