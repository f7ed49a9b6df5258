"""Random programs on the real Pulumi engine: its preview says what is foretold, its `up` meets that, in one order.

Here `up` asks nothing beforehand (`CMF_FORETELL=false`), so that what it meets is CMF's word. `FORETELL_ENGINE_CASES`
says how many; `make foretell` runs more.
"""

import json
import os
import re
from typing import Any

import pytest
from cmf_localfleet import LocalCluster
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub

from tests.foretell.scenario import case, programs
from tests.foretell.stack import Declared, Kept, Refusal, Stack
from tests.provider.program import Program
from tests.support.hub import Hub

CASES = int(os.environ.get("FORETELL_ENGINE_CASES", "1"))
FIRST = int(os.environ.get("FORETELL_SEED", "0"))
_BETWEEN_TWO = ("has a Kubernetes object of this name", "exists already and was not created by this resource")
"""Refusals of one of two resources of a program: which one, the order says in which Python registers them."""
_SECRET = "4dabf18193072939515e22adb298388d"
"""Key by which a state marks a value as secret or otherwise special."""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + CASES))
@pytest.mark.parametrize("program", ["dynamic"], indirect=True)
async def test_the_engine_meets_what_is_foretold(
    seed: int, program: Program, cmf: Hub, hub: LifecycleHub, spoke: LocalCluster
) -> None:
    known: dict[str, Declared] = {}
    with case(seed, cmf, spoke) as made:
        for happened, declared in programs(made, cmf, spoke):
            known |= {each.name: each for each in declared}
            kept = {name: Kept(known[name], one["id"], _plain(one["outputs"])) for name, one in _resources(program)}
            foretold = await Stack(hub, kept).preview(declared)
            told = f"seed {seed}, {happened}\nforetold {foretold}\nfrom {[*kept]}\nto {declared}\n"
            said = program.preview(_text(declared), fails=bool(foretold.refused))
            if foretold.refused:
                assert any(_is_in(said, each) for each in foretold.refused), f"{told}preview: {said}"
            program.environment["CMF_FORETELL"] = "false"
            code, said = program.tried("up", "--yes", "--skip-preview", "--parallel", "1")
            del program.environment["CMF_FORETELL"]
            if code:
                assert any(_is_in(said, each) for each in (*foretold.refused, *foretold.unordered)), f"{told}up: {said}"
            else:
                assert not foretold.refused, f"{told}up: {said}"
    # The hub is clean by now; the rest of the state may be held up by what others have made.
    program.run("state", "delete", "--all", "--yes", "--force")


def _resources(program: Program) -> list[tuple[str, dict[str, Any]]]:
    """Return the resources in the state, in its order, by name."""
    state = json.loads(program.run("stack", "export", "--show-secrets"))["deployment"].get("resources", [])
    return [(one["urn"].rpartition("::")[2], one) for one in state if one["type"].startswith("pulumi-python:dynamic/")]


def _plain(value: Any) -> Any:
    """Return a value of the state without the marks of secrets."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        if _SECRET in value:
            return json.loads(value["plaintext"])
        return {key: _plain(each) for key, each in value.items() if key != "__provider"}
    return value


def _is_in(said: str, refusal: Refusal) -> bool:
    """Tell whether Pulumi tells a refusal; up to what is in brackets, as in `test_random`."""
    begins = refusal.text.partition(" (")[0].partition(" [")[0]
    between_two = next((part for part in _BETWEEN_TWO if part in begins), begins)
    return between_two in re.sub(r"\s+", " ", said)


def _text(program: list[Declared]) -> str:
    """Return a program in Python that uses outputs where a resource uses others."""
    return "made = {}\n" + "".join(f"made[{each.name!r}] = {each.kind}({_arguments(each)})\n" for each in program)


def _arguments(declared: Declared) -> str:
    given: dict[str, Any] = {key: repr(value) for key, value in declared.inputs.items()}
    given |= {key: f"made[{used!r}].name" for key, used in declared.uses.items()}
    return ", ".join([repr(declared.name), *(f"{key}={value}" for key, value in given.items())])
