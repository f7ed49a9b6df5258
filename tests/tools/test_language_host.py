"""The real engine runs programs, dynamic providers and policy packs through our Python language host."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
from cmf_localfleet import Workspace
from cmf_localfleet.exports import pulumi_exports

from tests.support.wait import wait_for

# The first test may have to build what official programs on this machine made unnecessary so far.
pytestmark = pytest.mark.timeout(1800)

DYNAMIC = """
import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Counter(ResourceProvider):
    def create(self, props):
        return CreateResult(f"id-{props['text']}", {**props, "length": len(props["text"])})

class Text(Resource):
    length: pulumi.Output[int]

    def __init__(self, name, text):
        super().__init__(Counter(), name, {"text": text, "length": None})

pulumi.export("length", Text("one", pulumi.Config().get("text") or "four").length)
"""

POLICIES = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def short(args, report):
    if len(args.props.get("text", "")) > 5:
        report(f"the text {args.props['text']!r} is longer than five")

PolicyPack("trial", policies=[
    ResourceValidationPolicy(
        name="short", description="Texts are short.", enforcement_level=EnforcementLevel.MANDATORY, validate=short
    )
])
"""

HANGING = """
import sys, time

print("hanging", flush=True)
time.sleep(600)
"""


class Project:
    """A Pulumi project with a stack of its own and a file backend."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {**os.environ, **environment}
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: trial\nruntime: python\n")

    def program(self, text: str) -> None:
        (self.folder / "__main__.py").write_text(text)

    def run(self, *arguments: str, fails: bool = False) -> str:
        command = ["pulumi", *arguments, "--non-interactive"]
        result = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        output = result.stdout + result.stderr
        assert (result.returncode != 0) is fails, output
        return output

    def processes(self) -> list[psutil.Process]:
        """Those that work in the project's folder: language host, program, providers."""
        found = []
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()) == self.folder.resolve() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    # Ours even where the official distribution is on PATH.
    folders = [folder for folder in os.get_exec_path() if not Path(folder, "pulumi").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    project = Project(tmp_path / "a project", pulumi_exports(tmp_path / "state of it", Workspace.find()))
    project.run("stack", "init", "dev")
    yield project
    for process in project.processes():
        process.kill()


def test_a_program_with_a_dynamic_resource_is_previewed_and_run(project: Project) -> None:
    project.program(DYNAMIC)
    preview = project.run("preview")
    assert "+ 2 to create" in preview
    project.run("up", "--yes", "--skip-preview")
    assert json.loads(project.run("stack", "output", "--json")) == {"length": 4}
    assert "2 unchanged" in project.run("up", "--yes", "--skip-preview")
    project.run("destroy", "--yes", "--skip-preview")
    assert project.processes() == []


def test_configuration_reaches_the_program(project: Project) -> None:
    project.run("config", "set", "--secret", "text", "hidden")
    project.program(
        "import pulumi\nvalue = pulumi.Config().require_secret('text')\n"
        "pulumi.export('length', pulumi.Output.unsecret(value.apply(len)))\npulumi.export('text', value)\n"
    )
    project.run("up", "--yes", "--skip-preview")
    assert json.loads(project.run("stack", "output", "--json")) == {"length": 6, "text": "[secret]"}


def test_a_failing_program_fails_the_command_with_its_message(project: Project) -> None:
    project.program("raise ValueError('the moon is full')\n")
    output = project.run("preview", fails=True)
    assert "ValueError: the moon is full" in output
    assert "language_host" not in output
    project.program("import os\nos._exit(7)\n")
    assert "The program ended with exit code 7." in project.run("preview", fails=True)


def test_what_a_program_prints_is_shown(project: Project) -> None:
    project.program("print('said by the program')\n")
    assert "said by the program" in project.run("preview")


def test_a_policy_pack_refuses_a_resource(project: Project) -> None:
    pack = project.folder / "policies"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__main__.py").write_text(POLICIES)
    project.program(DYNAMIC)
    project.run("preview", "--policy-pack", str(pack))
    project.run("config", "set", "text", "much longer")
    output = project.run("preview", "--policy-pack", str(pack), fails=True)
    assert "the text 'much longer' is longer than five" in output


def test_a_missing_virtual_environment_is_said(project: Project) -> None:
    (project.folder / "Pulumi.yaml").write_text(
        "name: trial\nruntime:\n  name: python\n  options: {virtualenv: venv}\n"
    )
    project.program("print('never run')\n")
    output = project.run("preview", fails=True)
    assert "Pulumi.yaml names the virtual environment venv, and there is no " in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_engine_leaves_no_process(project: Project, number: signal.Signals) -> None:
    project.program(HANGING)
    command = ["pulumi", "preview", "--non-interactive"]
    with subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as engine:
        assert engine.stdout is not None
        assert any("hanging" in line for line in engine.stdout)
        assert len(project.processes()) > 1
        engine.send_signal(number)
        rest = engine.stdout.read() if number is signal.SIGINT else ""
    assert engine.returncode != 0
    assert "Traceback" not in rest
    wait_for(lambda: not project.processes(), "the end of what the engine started")


def test_engine_and_sdk_are_of_one_version() -> None:
    go_mod = (Workspace.find().tools / "pulumi" / "go.mod").read_text()
    assert set(re.findall(r"github\.com/pulumi/pulumi/\w+/v3 v(\S+)", go_mod)) == {version("pulumi")}


def test_the_host_ends_quietly_on_sigterm(tmp_path: Path) -> None:
    host = Workspace.find().tools / "pulumi-language-python" / "language_host.py"
    command = [sys.executable, str(host), "unused", "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert int(process.stdout.readline()) > 0
        process.terminate()
        assert process.stderr.read() == ""
    assert process.returncode == 0
