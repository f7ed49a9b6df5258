"""The guides, carried out: their programs and commands, as they are printed, on the real engine and real API servers.

Two guides need programs of their own, which are examples with tests: moving and failing over. Of these, and of all
other pages, every option of a `pulumi` command is one that it has.
"""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster, Workspace
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
        text = text.replace("/var/lib/cmf/kubeconfigs", str(cmf.kubeconfigs))
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


@pytest.mark.timeout(900)
@pytest.mark.rule("C15", "C33", "C49", "C53", "E20")
def test_a_fleet_by_the_guides(
    program: Program, cmf: Hub, fleet: dict[str, Spoke], spoke: LocalCluster, carry_out: Carry
) -> None:
    guide = DOCS / "guides/first-fleet.md"
    (program.folder / "Pulumi.yaml").write_text(blocks(guide, "yaml")[0])
    (program.folder / "__main__.py").write_text(blocks(guide, "python")[0])
    kubeconfigs = program.folder / "kubeconfigs"
    kubeconfigs.mkdir()
    west = kubeconfigs / "us-west.yaml"
    west.write_bytes(spoke.kubeconfig.read_bytes())
    (kubeconfigs / "us-west.new.yaml").write_text(f"{west.read_text()}# new\n")
    (kubeconfigs / "eu-central.yaml").write_bytes(fleet["home"].cluster.kubeconfig.read_bytes())

    carry_out("first-fleet", 0)
    said = carry_out("first-fleet", 1)
    assert '"orders-us-west"' in said
    said = carry_out("resize", 0)
    assert _plain(blocks(DOCS / "guides/resize.md", "")[0]) in _plain(said)
    carry_out("roll-back", 0)
    carry_out("roll-back", 1)
    assert '"items"' in carry_out("roll-back", 2)
    carry_out("rotate-credentials", 0)
    assert cmf.kubeconfigs.joinpath("us-west").read_text().endswith("# new\n")
    carry_out("add-a-spoke", 0)
    assert "+ 3 created" in carry_out("add-a-spoke", 1)
    assert cmf.cluster_state("eu-central") == "CONNECTED"
    carry_out("retire-a-cluster", 0)
    assert cmf.cluster_state("eu-central") is None

    spoke.pause()
    try:
        cmf.connected("us-west", "DISCONNECTED")
        said = carry_out("lose-a-cluster", 0)
        assert "may still be there, with its job running" in said
        carry_out("lose-a-cluster", 1)
    finally:
        spoke.resume()
    said = carry_out("lose-a-cluster", 2)
    assert "orphans/clean" in said
    assert "the message above names the calls" in said
    carry_out("rotate-credentials", 1)
    assert cmf.cluster_state("us-west") is None


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_an_adopted_job_by_the_guide(program: Program, cmf: Hub, carry_out: Carry) -> None:
    cmf.post("/environments", {"name": "legacy", "kubernetesNamespace": "flink"}).raise_for_status()
    cmf.post("/environments/legacy/applications", samples.application("billing")).raise_for_status()
    cmf.until("/environments/legacy/applications/billing", "status.lifecycleState", "STABLE")
    program.run("config", "set", "cmf:url", str(cmf.http.base_url))
    for number in range(3):
        carry_out("adopt", number)
    assert {*program.resources()} == {"legacy", "billing"}
    program.run("state", "unprotect", "--all", "--yes")
    # Nothing tells Pulumi that the one is in the other: that is what a program's outputs are for.
    cmf.delete("/environments/legacy/applications/billing").raise_for_status()
    cmf.gone("/environments/legacy/applications/billing")


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
