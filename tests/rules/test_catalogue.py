"""The catalogue of rules: complete, and without holes."""

from collections import Counter

import pytest
import rules
from cmf_core.rules.catalogue import SECTIONS, SOURCES, CatalogueRule, catalogue


def test_every_rule_of_the_four_families_is_there_once() -> None:
    numbered = Counter(row.section for row in catalogue().values())
    assert {"C": 63, "P": 66, "E": 60, "Z": 17, "FKO": 42}.items() <= numbered.items()
    for section in ("C", "P", "E", "Z"):
        ids = [row.id for row in catalogue().values() if row.section == section]
        assert ids == [f"{section}{number:02}" for number in range(1, numbered[section] + 1)]


def test_rows_are_sentences_of_a_known_source() -> None:
    for row in catalogue().values():
        assert row.text.endswith("."), row

        assert row.source in SOURCES
        assert row.section == "OURS" or row.id.startswith(row.section)
    assert {row.section for row in catalogue().values()} == set(SECTIONS)


def test_there_are_no_holes() -> None:
    assert rules.holes(catalogue(), rules.deciders(), rules.tests()) == []


ROW = CatalogueRule("E01", "E", "S1", "One.")
NOT_OURS = CatalogueRule("E01", "E", "S1", "One.", "a habit of people")


@pytest.mark.parametrize(
    ("row", "decided", "tested", "pending", "hole"),
    [
        (ROW, {}, {}, {}, "neither a test nor a reason"),
        (ROW, {"E01": ["f"]}, {}, {}, "no test names it"),
        (NOT_OURS, {}, {"E01": ["t"]}, {}, "take its reason out"),
        (ROW, {}, {"E01": ["t"]}, {"E01": "later"}, "take it out of PENDING"),
        (ROW, {}, {"E01": ["t"], "E99": ["t"]}, {}, "E99 is named by t and is not in the catalogue"),
        (ROW, {"E99": ["f"]}, {"E01": ["t"]}, {}, "E99 is decided by f and is not in the catalogue"),
        (NOT_OURS, {}, {}, {"E99": "later"}, "E99 is pending and is not in the catalogue"),
    ],
)  # fmt: skip
def test_each_kind_of_hole_is_found(
    row: CatalogueRule,
    decided: dict[str, list[str]],
    tested: dict[str, list[str]],
    pending: dict[str, str],
    hole: str,
) -> None:
    (found,) = rules.holes({"E01": row}, decided, tested, pending)
    assert hole in found


@pytest.mark.parametrize(
    ("row", "tested", "pending"),
    [(ROW, {"E01": ["t"]}, {}), (NOT_OURS, {}, {}), (ROW, {}, {"E01": "later"})],
)
def test_a_test_a_reason_or_work_under_way_is_no_hole(
    row: CatalogueRule, tested: dict[str, list[str]], pending: dict[str, str]
) -> None:
    assert rules.holes({"E01": row}, {}, tested, pending) == []


def test_tests_in_classes_have_the_name_that_pytest_has() -> None:
    names = rules.tests()["C41"]
    assert any("::Test" in name for name in names)


def test_verdicts_count_what_the_tests_of_a_rule_said() -> None:
    outcomes = rules.run(["C62"], {"C62": [name for name in rules.tests()["C62"] if name.startswith("tests/rules/")]})
    row = catalogue()["C62"]
    assert set(outcomes["C62"]) == {"passed"}
    assert rules.verdict("C62", row, outcomes).startswith("passed ")
    assert rules.verdict("C62", row, {"C62": Counter(passed=1, failed=1)}) == "FAILED 1 of 2"
    assert rules.verdict("C62", row, {"C62": Counter({"not run": 1})}) == "FAILED 1 of 1"
    assert rules.verdict("P37", catalogue()["P37"], {}) == "not ours"
