"""Python's garbage collector, in the engine's processes and in others."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from pulumi_cmf.collector import settle

from tests.provider.lines import environment
from tests.provider.program import Program, on_both_fronts
from tests.support.hub import unique


@on_both_fronts
def test_what_a_program_has_loaded_is_not_looked_through(program: Program) -> None:
    told = "import gc\npulumi.export('frozen', gc.get_freeze_count())\npulumi.export('new', gc.get_threshold()[0])\n"
    program.up(environment(unique("env")) + told)
    assert int(program.run("stack", "output", "frozen")) > 10_000
    assert int(program.run("stack", "output", "new")) > 700


@pytest.mark.parametrize(
    ("script", "settles"),
    [("pulumi-resource-cmf", True), ("pulumi-language-python-exec", True), ("inline-program.py", False)],
)
def test_a_process_is_known_by_how_the_engine_starts_it(script: str, settles: bool, tmp_path: Path) -> None:
    (tmp_path / script).write_text(
        "import gc\nfrom pulumi_cmf.collector import settle\nsettle()\nprint(gc.get_freeze_count())"
    )
    told = subprocess.run([sys.executable, "-u", tmp_path / script], capture_output=True, timeout=60, check=True)
    assert (int(told.stdout) > 0) is settles


def test_another_process_is_left_as_it_is() -> None:
    before = gc.get_freeze_count(), gc.get_threshold()
    settle()
    assert (gc.get_freeze_count(), gc.get_threshold()) == before
