"""Print every rule with what decides it and which tests name it; fail on a hole. With --run, run those tests first.

Ids after the options choose rules. A hole is a rule with neither test nor reason, a reason or an entry in PENDING
for a rule that has a test, a test or a function that names an unknown rule, and a rule that core decides untested.
"""

import argparse
import ast
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from cmf_core.rules import by_id
from cmf_core.rules.catalogue import CatalogueRule, catalogue
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
UNTESTED_SECTIONS = ("D",)
"""Sections whose rows say how others are meant; tests may name them and need not."""

PENDING: dict[str, str] = {}
"""Rules that are being worked on; an entry goes when its first test comes."""

Names = dict[str, list[str]]


def deciders() -> Names:
    """Return the deciding functions by rule id."""
    found = defaultdict(list)
    for rule_id, rule in by_id():
        found[rule_id].append(rule.where.removeprefix("cmf_core.rules."))
    return found


def tests() -> Names:
    """Return the tests by the rule ids that their `rule` marks name."""
    found = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        path = str(file.relative_to(ROOT))
        for prefix, node in _nodes(ast.parse(file.read_text()), path):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule":
                    for argument in mark.args:
                        found[ast.literal_eval(argument)].append(f"{prefix}::{node.name}")
    return found


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _nodes(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterable[tuple[str, _Definition]]:
    """Yield functions and classes with the name that pytest has for what they are in."""
    for node in tree.body:
        if isinstance(node, _Definition):
            yield prefix, node
        if isinstance(node, ast.ClassDef):
            yield from _nodes(node, f"{prefix}::{node.name}")


def holes(
    rules: Mapping[str, CatalogueRule],
    decided: Mapping[str, list[str]],
    tested: Mapping[str, list[str]],
    pending: Mapping[str, str] = PENDING,
) -> list[str]:
    """Return a sentence for each hole."""
    found = [f"{rule_id} is decided by {names[0]} and is not in the catalogue" for rule_id, names in decided.items()
             if rule_id not in rules]  # fmt: skip
    found += [f"{rule_id} is named by {names[0]} and is not in the catalogue" for rule_id, names in tested.items()
              if rule_id not in rules]  # fmt: skip
    for rule_id, row in rules.items():
        has_test = rule_id in tested
        if has_test and row.reason:
            found.append(f"{rule_id} is tested by {tested[rule_id][0]}: take its reason out of the catalogue")
        if has_test and rule_id in pending:
            found.append(f"{rule_id} is tested by {tested[rule_id][0]}: take it out of PENDING in scripts/rules.py")
        if not has_test and rule_id in decided:
            found.append(f"{rule_id} is decided by {decided[rule_id][0]} and no test names it")
        elif not has_test and not row.reason and rule_id not in pending and row.section not in UNTESTED_SECTIONS:
            found.append(f"{rule_id} has neither a test nor a reason: {row.text}")
    return found + [f"{rule_id} is pending and is not in the catalogue" for rule_id in pending if rule_id not in rules]


def run(chosen: Iterable[str], tested: Mapping[str, list[str]]) -> dict[str, Counter[str]]:
    """Run the tests that name these rules, and return how many of each outcome every rule has."""
    nodes = sorted({node for rule_id in chosen for node in tested.get(rule_id, [])})
    if not nodes:
        return {}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "verdicts.json"
        plugin = ("-p", "tests.support.verdicts", "--verdicts", str(file))
        subprocess.run([sys.executable, "-m", "pytest", "-q", *plugin, *nodes], cwd=ROOT, check=False)
        outcomes = json.loads(file.read_text()) if file.is_file() else {}
    return {rule_id: Counter(counts) for rule_id, counts in outcomes.items()}


def verdict(rule_id: str, row: CatalogueRule, outcomes: Mapping[str, Counter[str]]) -> str:
    """Return what the tests of a rule said, in a word or two."""
    counts = outcomes.get(rule_id)
    if not counts:
        return "not ours" if row.reason else "pending" if rule_id in PENDING else "-"
    bad = sum(number for outcome, number in counts.items() if outcome not in ("passed", "skipped"))
    if bad:
        return f"FAILED {bad} of {counts.total()}"
    return f"passed {counts['passed']}" + (f", skipped {counts['skipped']}" if counts["skipped"] else "")


def _shown(names: list[str]) -> str:
    return "\n".join(names[:3]) + (f"\n... {len(names) - 3} more" if len(names) > 3 else "")


def main() -> int:
    """Print the table; return 1 if there is a hole, or a test of `--run` failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("ids", nargs="*", help="rules to print; without any, all of them")
    parser.add_argument("--run", action="store_true", help="run the tests of these rules, and print a verdict a rule")
    arguments = parser.parse_args()
    rules, decided, tested = catalogue(), deciders(), tests()
    chosen = {rule_id: rules[rule_id] for rule_id in arguments.ids or rules}
    outcomes = run(chosen, tested) if arguments.run else {}
    verdicts = {rule_id: verdict(rule_id, row, outcomes) for rule_id, row in chosen.items()}
    table = Table("rule", "what it says", "verdict" if arguments.run else "decided by", "tests, or why there is none")
    for rule_id, row in chosen.items():
        because = row.reason or (f"pending: {PENDING[rule_id]}" if rule_id in PENDING else "")
        third = verdicts[rule_id] if arguments.run else "\n".join(decided.get(rule_id, []))
        table.add_row(rule_id, row.text, third, _shown(tested.get(rule_id, [])) or because)
    Console(width=200).print(table)
    missing = holes(rules, decided, tested)
    failed = [rule_id for rule_id, text in verdicts.items() if text.startswith("FAILED")]
    for text in missing:
        print(text, file=sys.stderr)
    if failed:
        print(f"rules with a failed test: {', '.join(failed)}", file=sys.stderr)
    print(
        f"{len(rules)} rules: {len(decided)} decided in core, {len(rules.keys() & tested.keys())} named by tests, "
        f"{sum(row.reason is not None for row in rules.values())} with a reason not to be, {len(PENDING)} pending; "
        f"{len(missing)} holes"
    )
    return 1 if missing or failed else 0


if __name__ == "__main__":
    sys.exit(main())
