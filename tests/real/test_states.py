"""The real operator goes through the states that its recordings, and so the stand-in, go through."""

import pytest

from tests.operator_standin.scenarios import SCENARIOS
from tests.real.scenarios import NOT_PLAYED, PLAYED, Play

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("name", PLAYED)
def test_the_real_operator_goes_through_the_recorded_states(name: str, played: Play) -> None:
    played.results[name].result()


def test_every_scenario_is_played_or_has_its_reason() -> None:
    assert sorted([*PLAYED, *NOT_PLAYED]) == sorted(SCENARIOS)
