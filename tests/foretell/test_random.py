"""Random programs on random states of a hub: what a preview says is what `up` meets, no more and no less.

`FORETELL_CASES` says how many; `make foretell` runs many. A case that fails names its seed.
"""

import os
import random
import shutil
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub

from tests.foretell.programs import Case
from tests.foretell.stack import Declared, Refusal, Stack
from tests.support.hub import Hub
from tests.support.wait import wait_for

CASES = int(os.environ.get("FORETELL_CASES", "12"))
FIRST = int(os.environ.get("FORETELL_SEED", "0"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + CASES))
@pytest.mark.rule("C33", "P38", "P40", "P49", "C52", "C07", "E37", "E38", "P21", "TAKEN", "OBJECT", "DELETING")
async def test_a_preview_says_what_up_meets(seed: int, cmf: Hub, hub: LifecycleHub, spoke: LocalCluster) -> None:
    chosen = random.Random(seed)
    case = Case(f"s{seed}", chosen)
    if chosen.random() < 0.4:
        case.dead = case.name("spoke")
        cmf.register(case.dead, spoke.kubeconfig)
    stack = Stack(hub)
    program = case.program()
    try:
        await _compared(stack, program, f"seed {seed}, first program")
        meddled = case.meddle(cmf, program)
        away = case.dead is not None and chosen.random() < 0.7
        if case.dead and away:
            staged = cmf.kubeconfigs / case.dead
            staged.write_text(staged.read_text().replace(f":{spoke.port}", ":1"))
            cmf.connected(case.dead, "DISCONNECTED")
            meddled.append(f"cluster {case.dead} is away")
        if not away and chosen.random() < 0.7:
            _settled(cmf, case)
        await _compared(stack, case.changed(program), f"seed {seed}, after {meddled}")
    finally:
        _clean(cmf, case, spoke)


async def _compared(stack: Stack, program: list[Declared], what: str) -> None:
    before = {name: kept.declared for name, kept in stack.kept.items()}
    foretold = await stack.preview(program)
    met = await stack.up(program)
    told = f"{what}\nforetold {foretold}\nmet {met}\nfrom {before}\nto {program}"
    if met is None:
        assert not foretold, f"a false alarm: {told}"
        return
    assert foretold, f"not foretold: {told}"
    assert any(_is_same(each, met) for each in foretold), f"another refusal than was foretold: {told}"


def _is_same(foretold: Refusal, met: Refusal) -> bool:
    """Compare resource and sentence, up to what is in brackets: how a cluster is away is told in other words."""
    begins = met.text.partition(" (")[0].partition(" [")[0]
    return foretold.name == met.name and foretold.text.startswith(begins)


def _settled(cmf: Hub, case: Case) -> None:
    """Wait until no statement of a case is on its way."""

    def none_pending() -> bool:
        return not any(
            statement["status"]["phase"] in ("PENDING", "DELETING")
            for environment in _environments(cmf, case)
            for statement in cmf.get(f"{environment}/statements").json()["items"]
        )

    wait_for(none_pending, "statements to be on no way", seconds=30)


def _environments(cmf: Hub, case: Case) -> list[str]:
    listed = cmf.get("/environments", params={"size": "1000"}).json()["items"]
    return [f"/environments/{each['name']}" for each in listed if each["name"].startswith(f"{case.prefix}-")]


def _clean(cmf: Hub, case: Case, spoke: LocalCluster) -> None:
    """Remove what a case has made; its cluster comes back first, so that nothing stays there."""
    if case.dead:
        shutil.copy(Path(spoke.kubeconfig), cmf.kubeconfigs / case.dead)
        cmf.connected(case.dead)
    for environment in _environments(cmf, case):
        for plural in ("statements", "compute-pools", "applications"):
            for each in cmf.get(f"{environment}/{plural}").json()["items"]:
                cmf.delete(f"{environment}/{plural}/{each['metadata']['name']}")
            wait_for(lambda: not cmf.get(f"{environment}/{plural}").json()["items"], "it to be empty", seconds=60)  # noqa: B023
        cmf.delete(environment)
    if case.dead:
        (cmf.kubeconfigs / case.dead).unlink()
