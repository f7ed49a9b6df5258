"""The rules of CMF as pure functions: typed facts in, a verdict out, no I/O.

A rule returns None when it allows, else a `Refusal` with HTTP status, message and rule id. The hub calls
it inside the transaction that writes and enforces it (`enforce`); the provider calls it at preview on the
same facts. Other rules only give `Advice`, which both tell. Ids are those of docs/rules.md.
"""

import importlib
import pkgutil

from cmf_core.rules.verdict import RULES, Advice, Refusal, Rule, Verdict, advice, enforce, first, rule

__all__ = ["RULES", "Advice", "Refusal", "Rule", "Verdict", "advice", "by_id", "enforce", "first", "rule"]


def by_id() -> list[tuple[str, Rule]]:
    """Return every rule id with a function that decides it, in the order of the ids."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return sorted(
        ((rule_id, decided) for decided in RULES for rule_id in decided.ids), key=lambda row: (row[0], row[1].where)
    )
