"""The program of examples/fleet, as a user has it who copied it with its project file."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from cmf_localfleet.workspace import Workspace

from tests.examples.example import Example
from tests.support.pictures import EXAMPLES


class FleetProgram(Example):
    """A copy of the program below `folder`, and the `pulumi` command on its stack `local`."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        super().__init__("fleet", folder, workspace)
        self.stack = "local"
        self.workspace = workspace

    def start(self) -> None:
        """Copy the program and make its stack."""
        shutil.copytree(EXAMPLES / self.name, self.folder / "examples" / self.name)
        shutil.copy(self.workspace.root / "Pulumi.yaml", self.folder)
        self.run("stack", "init", self.stack)

    def state(self) -> list[dict[str, Any]]:
        """Return all resources in the stack's state, those of Pulumi too."""
        deployment = json.loads(self.run("stack", "export"))["deployment"]
        resources: list[dict[str, Any]] = deployment.get("resources", [])
        return resources

    def urn(self, name: str) -> str:
        """Return the URN of a resource of the stack."""
        return str(self.resources()[name]["urn"])


def changes(said: str) -> dict[str, int]:
    """Return the summary that pulumi prints, such as {"created": 11}."""
    summary = said.rsplit("Resources:", 1)[1]
    return {word: int(number) for number, word in re.findall(r"(\d+) (to \w+|\w+)", summary.split("Duration")[0])}
