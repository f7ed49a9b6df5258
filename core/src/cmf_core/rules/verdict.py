"""Verdicts, and the table of rules that the decorated functions make up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from cmf_core.errors import error_for

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Refusal:
    """Why something is not allowed.

    Attributes:
        status: HTTP status that the API answers.
        message: sentence that names the resource, its state and the way out.
        rule: id of the rule, as in docs/rules.md.
    """

    status: int
    message: str
    rule: str


Verdict = Refusal | None


@dataclass(frozen=True)
class Advice:
    """What is allowed and probably a mistake: told, never refused.

    Attributes:
        message: sentence that names the resource and the way out.
        rule: id of the rule, as in docs/rules.md.
    """

    message: str
    rule: str

    def __str__(self) -> str:
        return f"{self.message} [{self.rule}]"


def advice(*given: Advice | None) -> list[Advice]:
    """Return the advice that there is."""
    return [each for each in given if each is not None]


@dataclass(frozen=True)
class Rule:
    """One row of the table of rules: which ids a function decides."""

    ids: tuple[str, ...]
    where: str
    summary: str


RULES: list[Rule] = []
"""Every function that decides rules, in the order of import."""


def rule(*ids: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Record that the decorated function decides the rules `ids`."""

    def record(function: Callable[P, R]) -> Callable[P, R]:
        summary = (function.__doc__ or "").strip().splitlines()[0]
        RULES.append(Rule(ids, f"{function.__module__}.{function.__qualname__}", summary))
        return function

    return record


def enforce(*verdicts: Verdict) -> None:
    """Raise the error of the first refusal; return if there is none.

    Raises:
        CmfError: the subclass of the refusal's status.
    """
    refusal = first(*verdicts)
    if refusal is not None:
        error = error_for(refusal.status, [refusal.message])
        error.rule = refusal.rule
        raise error


def first(*verdicts: Verdict) -> Verdict:
    """Return the first refusal, or None."""
    return next((verdict for verdict in verdicts if verdict is not None), None)
