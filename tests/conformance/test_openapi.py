"""Our OpenAPI document against CMF's 2.3.1, operation by operation and schema by schema."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from cmf_hub.api import OPERATIONS
from cmf_hub.api.openapi import document

from tests.conformance.comparison import Comparison, operations
from tests.conformance.differences import DIFFERENCES, NOT_SERVED, OURS_ALONE

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference" / "cmf-openapi-2.3.1.yaml"


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return document(OPERATIONS)


@pytest.fixture(scope="module")
def theirs() -> Any:
    if not REFERENCE.is_file():
        pytest.skip(f"CMF's OpenAPI document is not there to compare with: {REFERENCE}")
    return yaml.load(REFERENCE.read_text(), Loader=yaml.CSafeLoader)


def test_operations_are_served_or_known_to_be_missing(ours: dict[str, Any], theirs: Any) -> None:
    served, wanted = operations(ours).keys(), operations(theirs).keys()
    missing = wanted - served
    head = f"{len(wanted) - len(missing)} of {len(wanted)} operations of CMF are served; not served yet:"
    print("\n".join([head, *sorted(missing)]))  # noqa: T201 - shown by `pytest -rP`
    assert sorted(missing) == sorted(NOT_SERVED), "shorten NOT_SERVED when an operation is served"
    assert served - wanted == set(OURS_ALONE)


def test_every_difference_is_deliberate(ours: dict[str, Any], theirs: Any) -> None:
    found = Comparison(ours, theirs).differences()
    unexplained = [text for text in sorted(found) if not any(fnmatchcase(text, pattern) for pattern in DIFFERENCES)]
    assert not unexplained, "\n".join(["Differences without a reason:", *unexplained])
    stale = [pattern for pattern in DIFFERENCES if not any(fnmatchcase(text, pattern) for text in found)]
    assert not stale, "\n".join(["Reasons without a difference:", *stale])


def test_a_difference_is_seen(theirs: Any, ours: dict[str, Any]) -> None:
    """The comparison finds nothing between a document and itself, and a field that was taken out."""
    assert Comparison(theirs, theirs).differences() == set()
    schemas = ours["components"]["schemas"]
    less = {**schemas["StatementSpec"], "properties": {}}
    cut = {**ours, "components": {"schemas": {**schemas, "StatementSpec": less}}}
    assert "StatementSpec: field parallelism is missing" in Comparison(cut, theirs).differences()
