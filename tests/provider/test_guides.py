"""The guides: what they import is imported as it is printed, and options of `pulumi` commands are ones that it has."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from cmf_localfleet import Workspace
from cmf_localfleet.pulumi import pulumi_directory

from tests.provider.conftest import running_hub
from tests.provider.program import Program
from tests.support import hub as samples
from tests.support.hub import Hub, Spoke

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), DOCS.parent / "README.md", *(DOCS.parent / "examples").rglob("*.md")])
Carry = Callable[[str, int], str]


def blocks(page: Path, language: str) -> list[str]:
    """Return what a page has in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def cmf(fleet: dict[str, Spoke], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub on which the names of the guides are free."""
    with running_hub(fleet, tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def carry_out(program: Program, cmf: Hub) -> Carry:
    """Carries out a guide's block of commands, by its number, and returns what it says."""
    for variable in ("CMF_URL", "CMF_KUBECONFIG_DIRECTORY"):
        del program.environment[variable]  # the guides say it by configuration

    def carry_out(guide: str, number: int) -> str:
        text = blocks(DOCS / "guides" / f"{guide}.md", "bash")[number]
        text = text.replace("http://127.0.0.1:8080", str(cmf.http.base_url))
        text = text.replace("pulumi import", "pulumi import --generate-code=false")  # which our language host cannot
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=program.folder, env={**program.environment, "TOKEN": "t"},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        said = f"{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, f"{guide}: {text}\nended with {done.returncode}:\n{said}"
        return said

    return carry_out


def test_an_adopted_job_by_the_guide(program: Program, cmf: Hub, carry_out: Carry) -> None:
    cmf.post("/environments", {"name": "legacy", "kubernetesNamespace": "flink"}).raise_for_status()
    cmf.post("/environments/legacy/applications", samples.application("billing")).raise_for_status()
    cmf.until("/environments/legacy/applications/billing", "status.lifecycleState", "STABLE")
    program.run("config", "set", "cmf:url", str(cmf.http.base_url))
    for number in range(3):
        carry_out("adopt", number)
    assert {*program.resources()} == {"legacy", "billing"}
    program.run("state", "unprotect", "--all", "--yes")
    billing = program.resources()["billing"]["urn"]  # what was imported has no dependencies until it is in a program
    program.run("destroy", "--yes", "--skip-preview", "--target", billing)


@cache
def _help(*command: str) -> str:
    pulumi = pulumi_directory(Workspace.find()) / "pulumi"
    done = subprocess.run([pulumi, *command, "--help"], capture_output=True, text=True, timeout=60, check=True)
    return f"{done.stdout} "


def _commands() -> Iterator[tuple[Path, str]]:
    """Yield each `pulumi` command of the pages, in blocks and within lines."""
    for page in PAGES:
        text = page.read_text()
        lines = [line.strip() for block in re.findall(r"^```(?:bash)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
                 for line in block.replace("\\\n", " ").splitlines()]  # fmt: skip
        for line in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
            for part in re.split(r"&&|\|\||#|\|", line):
                if part.strip().startswith("pulumi "):
                    yield page, part.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_every_option_of_a_pulumi_command_is_one(page: Path) -> None:
    for where, command in _commands():
        if where != page:
            continue
        words = shlex.split(command)
        names = [word for word in words[1:3] if re.fullmatch("[a-z][a-z-]+", word)]
        if not names:
            continue
        said = _help(*names)
        for option in (word.partition("=")[0] for word in words if re.fullmatch("--?[a-z].*", word)):
            assert re.search(rf"(^|[\s,]){option}[\s,=]", said), f"{command}: there is no {option}"
