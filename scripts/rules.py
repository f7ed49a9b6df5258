"""Print each rule id with the functions of core that decide it and the tests that name it."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

from cmf_core.rules import by_id
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent


def deciders() -> dict[str, list[str]]:
    """Return the deciding functions by rule id."""
    found = defaultdict(list)
    for rule_id, rule in by_id():
        found[rule_id].append(rule.where.removeprefix("cmf_core.rules."))
    return found


def tests() -> dict[str, list[str]]:
    """Return the tests by the rule ids that their `rule` marks name."""
    found = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule":
                    for argument in mark.args:
                        found[ast.literal_eval(argument)].append(f"{file.relative_to(ROOT)}::{node.name}")
    return found


def main() -> int:
    """Print the table; return 1 if a rule that core decides has no test."""
    decided, tested = deciders(), tests()
    table = Table("rule", "decided by", "tests", show_lines=False)
    for rule_id in sorted(decided.keys() | tested.keys()):
        names = tested.get(rule_id, [])
        shown = "\n".join(names[:3]) + (f"\n... {len(names) - 3} more" if len(names) > 3 else "")
        table.add_row(rule_id, "\n".join(decided.get(rule_id, [])), shown)
    Console(width=160).print(table)
    holes = sorted(decided.keys() - tested.keys())
    print(f"{len(decided)} rules decided in core, {len(tested)} rules named by tests, {len(holes)} without a test")
    if holes:
        print(f"without a test: {', '.join(holes)}", file=sys.stderr)
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
