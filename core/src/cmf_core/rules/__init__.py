"""The rules of CMF as pure functions: typed facts in, a verdict out, no I/O.

A rule returns None when it allows, else a `Refusal` with HTTP status, message and rule id. The hub calls
it inside the transaction that writes and enforces it (`enforce`); the provider calls it at preview on the
same facts. Ids are those of docs/rules.md.
"""

from cmf_core.rules.verdict import RULES, Refusal, Rule, Verdict, enforce, first, rule

__all__ = ["RULES", "Refusal", "Rule", "Verdict", "enforce", "first", "rule"]
