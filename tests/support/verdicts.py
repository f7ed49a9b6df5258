"""A pytest plugin: writes how many tests of each rule passed, failed and were skipped."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--verdicts FILE`."""
    parser.addoption("--verdicts", type=Path, required=True, help="file to write, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Collect from the beginning."""
    config.pluginmanager.register(Verdicts(config.getoption("--verdicts")))


class Verdicts:
    """Outcomes by rule id."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rules: dict[str, set[str]] = {}
        self._outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note which rules each test names, by itself or by its class."""
        for item in items:
            self._rules[item.nodeid] = {rule_id for mark in item.iter_markers("rule") for rule_id in mark.args}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a test: that of its call, unless what is around it fails or skips it."""
        if report.when == "call" or report.outcome != "passed":
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        """Write the file; a test that was collected and did not run counts as such."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for node, rule_ids in self._rules.items():
            for rule_id in rule_ids:
                counts[rule_id][self._outcomes.get(node, "not run")] += 1
        self._file.write_text(json.dumps(counts))
