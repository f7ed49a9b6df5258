"""A Pulumi program on the real engine, with a stack of its own on a file backend."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from cmf_localfleet.exports import pulumi_exports
from cmf_localfleet.workspace import Workspace

from tests.support import guard

on_both_fronts = pytest.mark.parametrize("program", ["dynamic", "plugin"], indirect=True)
"""Runs a test on the dynamic front and on the plugin."""

_HEAD = "import pulumi\nfrom pulumi_cmf import *\n"


class Program:
    """A program whose text a test changes, and the `pulumi` command on it."""

    def __init__(self, folder: Path, workspace: Workspace, *, plugin: bool = False, stack: str = "dev") -> None:
        """Describe a program; with `plugin`, its resources are the plugin's."""
        self.timeout = 200.0
        self.folder = folder / "program"
        self.plugin = plugin
        self.stack = stack
        self.environment = {**os.environ, **pulumi_exports(folder / "pulumi", workspace), **guard.mark()}
        self.environment["TMPDIR"] = str(folder / "pulumi")  # the engine kills plugins, which then leave their files
        commands = str(Path(sys.executable).parent)  # where pulumi-resource-cmf is
        self.environment["PATH"] = os.pathsep.join((commands, self.environment["PATH"]))

    def start(self) -> None:
        """Make the project and its stack."""
        self.folder.mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        self.write("")
        self.run("stack", "init", self.stack)
        if self.plugin:
            self.use_plugin()

    def use_plugin(self) -> None:
        """Move the stack's resources to the plugin, with its next update."""
        self.run("config", "set", "cmf:plugin", "true")

    def end(self) -> None:
        """Destroy what is left."""
        if self.resources():
            self.run("destroy", "--yes", "--skip-preview")

    def write(self, text: str) -> None:
        """Make `text` the program; pulumi and the resource classes are imported."""
        (self.folder / "__main__.py").write_text(_HEAD + text)

    def write_yaml(
        self, resources: Mapping[str, Any], languages: Path, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Make resources and outputs the program, in YAML; its language host is in the folder `languages`."""
        self.environment["PATH"] = os.pathsep.join((str(languages), self.environment["PATH"]))
        (self.folder / "__main__.py").unlink(missing_ok=True)
        project = {"name": "test", "runtime": "yaml", "resources": resources, "outputs": outputs or {}}
        (self.folder / "Pulumi.yaml").write_text(json.dumps(project))

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run pulumi, assert that it succeeds (or fails), and return what it says."""
        code, said = self.tried(*arguments)
        assert (code != 0) is fails, f"{arguments} ended with {code}:\n{said}"
        return said

    def tried(self, *arguments: str) -> tuple[int, str]:
        """Run pulumi, and return its exit code and what it says."""
        done = self._done(*arguments)
        return done.returncode, f"{done.stdout}\n{done.stderr}"

    def said(self, *arguments: str) -> str:
        """Run pulumi, and return what it writes to stdout, whether it succeeds or fails."""
        return self._done(*arguments).stdout

    def _done(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.running(*arguments) as running:
            stdout, stderr = running.said(self.timeout)
        return subprocess.CompletedProcess(running.command, running.returncode, stdout, stderr)

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Running"]:
        """Run pulumi while a test does something else; what still runs at the end of the block is killed."""
        running = Running(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"], self.folder, self.environment
        )
        try:
            yield running
        finally:
            running.kill()

    def up(self, text: str | None = None, *, fails: bool = False) -> str:
        """Run `pulumi up`, with a new program if one is given."""
        if text is not None:
            self.write(text)
        return self.run("up", "--yes", "--skip-preview", fails=fails)

    def preview(self, text: str | None = None, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi preview`."""
        if text is not None:
            self.write(text)
        return self.run("preview", *arguments, fails=fails)

    def steps(self, text: str) -> list[dict[str, Any]]:
        """Return what a preview of a new program would do with each resource, as the engine's events tell it."""
        self.write(text)
        said = self.run("preview", "--json", "--show-sames")
        steps: list[dict[str, Any]] = json.loads(said[: said.rindex("}") + 1])["steps"]
        return steps

    def refresh(self) -> str:
        """Run `pulumi refresh`."""
        return self.run("refresh", "--yes", "--skip-preview")

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return our resources in the state, by name."""
        listed = json.loads(self.run("stack", "export"))["deployment"].get("resources", [])
        return {one["urn"].rpartition("::")[2]: one for one in listed if _is_ours(one["type"])}

    def outputs(self, name: str) -> dict[str, Any]:
        """Return the outputs of a resource, named as in Python."""
        outputs: dict[str, Any] = self.resources()[name]["outputs"]
        return {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", key): value for key, value in outputs.items()}


class Running:
    """A `pulumi` command that runs."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.command = command
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def returncode(self) -> int:
        """Exit code of what has ended."""
        assert self._process.returncode is not None, f"{self.command} runs"
        return self._process.returncode

    def said(self, timeout: float) -> tuple[str, str]:
        """Wait for its end, `timeout` seconds at most, and return its stdout and stderr."""
        return self._process.communicate(timeout=timeout)

    def interrupt(self) -> None:
        """Press ^C."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill it and all that it started, if it runs: the SDK's provider process would outlive a killed engine."""
        if self._process.poll() is None:
            engine = psutil.Process(self._process.pid)
            for process in [engine, *engine.children(recursive=True)]:
                process.kill()
            self._process.communicate()


def operations(said: str) -> dict[str, str]:
    """Return what pulumi says it did or would do with each of our resources: its last word, such as `updated`.

    A replacement is told in several steps; here it is `replace` or `replaced`.
    """
    done: dict[str, str] = {}
    for line in said.splitlines():
        # On a slow machine the engine's dots of patience may stand before it.
        sign, _, rest = re.sub(r"^@[^.]*\.+", "", line.strip()).strip().partition(" ")
        words = rest.split()
        if not words or not _is_ours(words[0]):
            continue
        if len(words) > 2 and len(sign) <= 2 and not done.get(words[1], "").startswith("replace"):
            done[words[1]] = words[2]
    return done


def _is_ours(type_: str) -> bool:
    return type_.startswith(("pulumi-python:dynamic/cmf:", "cmf:index:"))
