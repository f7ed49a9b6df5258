"""Random programs on random states of a hub: what a preview says is what `up` meets, no more and no less.

`FORETELL_CASES` says how many; `make foretell` runs many. A case that fails names its seed.
"""

import logging
import os
import re
from collections import Counter

import pytest
from cmf_localfleet import LocalCluster
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub
from pulumi_cmf.lifecycle.kinds import KINDS

from tests.foretell.scenario import case, programs
from tests.foretell.stack import Declared, Refusal, Stack
from tests.support.hub import Hub

CASES = int(os.environ.get("FORETELL_CASES", "12"))
FIRST = int(os.environ.get("FORETELL_SEED", "0"))
ENOUGH = 200
"""Cases after which every kind and every refusal has occurred."""

EXPECTED = {
    *("C07", "C33", "C36", "C41", "C52", "C53", "E27", "E33", "E37", "E38", "E51", "EXISTS", "FKO2", "FKO3", "FKO4"),
    *("FKO5", "FKO6", "FKO7", "OBJECT", "P01", "P16", "P38", "P40", "P49", "SECRET", "SHAPE", "TAKEN"),
}
"""Rules by which something is refused in so many cases."""

kinds: Counter[str] = Counter()
refusals: Counter[str] = Counter()
"""What the cases so far had in their programs, and met."""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + CASES))
@pytest.mark.rule("C33", "C36", "C41", "C53", "P38", "P40", "P49", "C52", "C07", "E37", "E38", "E27", "P21")
@pytest.mark.rule("TAKEN", "OBJECT", "DELETING")
async def test_a_preview_says_what_up_meets(seed: int, cmf: Hub, hub: LifecycleHub, spoke: LocalCluster) -> None:
    stack = Stack(hub)
    with case(seed, cmf, spoke) as made:
        for happened, program in programs(made, cmf, spoke):
            await _compared(stack, program, f"seed {seed}, {happened}")


async def _compared(stack: Stack, program: list[Declared], what: str) -> None:
    before = {name: kept.declared for name, kept in stack.kept.items()}
    foretold = await stack.preview(program)
    met = await stack.up(program)
    told = f"{what}\nforetold {foretold}\nmet {met}\nfrom {before}\nto {program}"
    kinds.update(declared.kind for declared in program)
    if met is None:
        assert not foretold.refused, f"a false alarm: {told}"
        return
    assert foretold.refused or foretold.unordered, f"not foretold: {told}"
    same = [each for each in (*foretold.refused, *foretold.unordered) if _is_same(each, met)]
    assert same, f"another refusal than was foretold: {told}"
    refusals.update(re.findall(r"\[([A-Z0-9]+)\]$", same[0].text))


def _is_same(foretold: Refusal, met: Refusal) -> bool:
    """Compare resource and sentence, up to what is in brackets: how a cluster is away is told in other words."""
    begins = met.text.partition(" (")[0].partition(" [")[0]
    return foretold.name == met.name and foretold.text.startswith(begins)


@pytest.mark.skipif(CASES < ENOUGH, reason=f"{CASES} cases do not meet everything, {ENOUGH} do")
def test_the_cases_met_every_kind_and_every_refusal() -> None:
    told = f"kinds: {dict(kinds)}, refusals: {dict(sorted(refusals.items()))}"
    logging.getLogger(__name__).info(told)
    assert set(KINDS) == set(kinds), told
    assert set(refusals) >= EXPECTED, told
