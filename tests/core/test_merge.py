"""Environment defaults over a resource's own settings."""

from copy import deepcopy

import pytest
from cmf_core.merge import merged
from hypothesis import given
from hypothesis import strategies as st

_values = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=12,
)
_mappings = st.dictionaries(st.sampled_from("abc"), _values, max_size=3)


@pytest.mark.rule("E03", "E06")
def test_the_environment_wins_field_by_field() -> None:
    own = {"flinkConfiguration": {"a": "own", "b": "own"}, "image": "mine"}
    defaults = {"flinkConfiguration": {"b": "env", "c": "env"}, "taskManager": {"replicas": 2}}
    assert merged(own, defaults) == {
        "flinkConfiguration": {"a": "own", "b": "env", "c": "env"},
        "image": "mine",
        "taskManager": {"replicas": 2},
    }


def test_a_null_default_changes_nothing() -> None:
    assert merged({"image": "mine"}, {"image": None}) == {"image": "mine"}


@given(_mappings, _mappings)
def test_merging_twice_is_merging_once_and_changes_no_argument(
    own: dict[str, object], defaults: dict[str, object]
) -> None:
    before = deepcopy((own, defaults))
    once = merged(own, defaults)
    assert merged(once, defaults) == once
    assert (own, defaults) == before


@given(_mappings)
def test_no_defaults_no_change(own: dict[str, object]) -> None:
    assert merged(own, None) == own == merged(own, {})
