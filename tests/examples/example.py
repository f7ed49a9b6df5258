"""An example, as somebody runs it who copied its folder."""

import shutil
from pathlib import Path

from cmf_localfleet import Workspace

from tests.provider.program import Program
from tests.support.pictures import EXAMPLES, is_drawn


class Example(Program):
    """A copy of an example, and the `pulumi` command on it."""

    def __init__(self, name: str, folder: Path, workspace: Workspace) -> None:
        super().__init__(folder, workspace)
        self.name = name

    def start(self) -> None:
        """Copy the folder and make the stack."""
        shutil.copytree(EXAMPLES / self.name, self.folder)
        self.run("stack", "init", self.stack)

    def configure(self, **values: object) -> None:
        """Set configuration of the stack."""
        for key, value in values.items():
            self.run("config", "set", key, str(value))

    def has_its_picture(self) -> None:
        """Assert that `cmf-draw` draws what the example's folder has."""
        is_drawn(self.name, self.folder, self.environment)
