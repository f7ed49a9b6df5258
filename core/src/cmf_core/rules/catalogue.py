"""Every rule that the project follows, by id: what it says, where it comes from, and why software may leave it alone.

The rows are in `catalogue.toml`. A rule without `reason` is software's to enforce or to show, and a test names it;
one with a `reason` has no test, because of that. A new rule of ours is a new row of its last section.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SECTIONS: Mapping[str, str] = {
    "C": "Kubernetes clusters",
    "P": "Compute pools",
    "E": "Environments, applications, operator",
    "Z": "Sizing",
    "FKO": "What the Flink Kubernetes Operator validates",
    "D": "Where documents contradict each other",
    "OURS": "Our own",
}
"""Sections of the catalogue; the ids of each but the last begin with its key."""

SOURCES: Mapping[str, str] = {
    "S0": "Confluent's documentation on Kubernetes clusters",
    "S1": "flink-studies on Flink on Kubernetes",
    "S2": "flink-studies on bringing up clusters and environments",
    "S3": "Confluent's documentation on compute pools",
    "S4": "flink-studies on Confluent Platform for Flink",
    "API": "the API's description, CMF 2.3.1",
    "FKO": "the operator's DefaultValidator, in its order",
    "US": "this project",
}


@dataclass(frozen=True)
class CatalogueRule:
    """One row.

    Attributes:
        id: as `@rule` and the tests' marks name it.
        section: key of `SECTIONS`.
        source: key of `SOURCES`; the first, if there are several.
        text: the rule in one sentence.
        reason: why the project neither enforces nor shows it, or None.
    """

    id: str
    section: str
    source: str
    text: str
    reason: str | None = None


@cache
def catalogue() -> Mapping[str, CatalogueRule]:
    """Return every rule by its id, in the order of the sections."""
    table = tomllib.loads(files("cmf_core.rules").joinpath("catalogue.toml").read_text("utf-8"))
    return {
        rule_id: CatalogueRule(rule_id, section, *row)
        for section in SECTIONS
        for rule_id, row in table[section].items()
    }
