"""The pictures of examples, and what `cmf-draw` draws of their stacks."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def is_drawn(example: str, project: Path, environment: Mapping[str, str]) -> None:
    """Assert that `cmf-draw` draws the picture of an example from the selected stack of a copy of it.

    Args:
        example: folder of the example.
        project: folder of its copy.
        environment: variables with which pulumi finds the stack.
    """
    picture, drawn = EXAMPLES / example / "picture.svg", project / "drawn.svg"
    command = ["cmf-draw", "--output", str(drawn)]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert picture.exists(), f"look at {drawn}, and make it {picture}"
    assert drawn.read_text() == picture.read_text(), f"if the picture is to change, make {drawn} {picture}"
