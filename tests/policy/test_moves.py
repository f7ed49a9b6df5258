"""What a comment on a pull request says of an application that a Placement moves."""

from typing import Any

import pytest
from pulumi_cmf_policy.comment.effects import Weight, effect
from pulumi_cmf_policy.comment.stacks import Fleet
from pulumi_cmf_policy.resources import Described
from pulumi_cmf_policy.unknowns import Known

URN = "urn:pulumi:dev::test::{parent}pulumi-python:dynamic/cmf:FlinkApplication::orders-{place}"


def fleet(place: str, mode: str = "savepoint", parent: str = "cmf:components:Placement$") -> Fleet:
    """Return a stack whose application is in an environment."""
    urn = URN.format(parent=parent, place=place)
    job: dict[str, Any] = {"jarURI": "a", "upgradeMode": mode}
    properties = Known({"name": "orders", "environment": place, "spec": {"job": job}})
    return Fleet({urn: Described("FlinkApplication", urn, properties)})


def told(before: Fleet, after: Fleet) -> list[tuple[str, Weight]]:
    """Return the effects of the deletion and of the creation."""
    (gone,), (made,) = before.resources, after.resources
    effects = [effect("delete", gone, before, after), effect("create", made, before, after)]
    return [(each.sentence, each.weight) for each in effects]


@pytest.mark.rule("E51")
def test_a_move_is_no_loss() -> None:
    assert told(fleet("west"), fleet("east")) == [
        ("moves to environment 'east', by a savepoint", Weight.RESTARTS),
        ("moves here from environment 'west', by a savepoint", Weight.RESTARTS),
    ]


def test_what_moves_without_state_loses_it() -> None:
    told_of = told(fleet("west", "stateless"), fleet("east", "stateless"))
    assert [weight for _, weight in told_of] == [Weight.LOSES, Weight.LOSES]


def test_without_a_placement_nothing_moves() -> None:
    told_of = told(fleet("west", parent=""), fleet("east", parent=""))
    assert told_of[0] == ("its job ends; only savepoints that were taken remain", Weight.LOSES)
    assert told_of[1] == ("a job starts", Weight.STARTS)
