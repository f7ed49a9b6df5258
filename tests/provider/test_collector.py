"""Python's garbage collector, in the engine's processes and in others."""

import gc

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


def test_another_process_is_left_as_it_is() -> None:
    before = gc.get_freeze_count(), gc.get_threshold()
    settle()
    assert (gc.get_freeze_count(), gc.get_threshold()) == before
