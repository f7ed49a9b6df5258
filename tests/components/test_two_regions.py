"""The example of two regions: up, resize, roll back, move, fail over, come back, and retire a region."""

import json
import shutil
from typing import Any

import pytest
from cmf_localfleet import Workspace

from tests.components.conftest import Components
from tests.support.hub import Hub, Spoke
from tests.support.pictures import is_drawn
from tests.support.savepoints import completed


class Example:
    """The program, and what its user does."""

    def __init__(self, program: Components, fleet: dict[str, Spoke], cmf: Hub) -> None:
        example = Workspace.find().root / "examples" / "two-regions"
        for file in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(example / file, program.folder / file)
        self.program, self.cmf = program, cmf
        self.west, self.east = "us-west", "us-east"
        self.paths = {self.west: fleet["home"].cluster.kubeconfig, self.east: fleet["spoke"].cluster.kubeconfig}
        self.regions(self.west, self.east)
        program.run("stack", "init", "regions")
        self.set(stateUri="s3://bucket/flink", at=self.west)

    def regions(self, *names: str) -> None:
        """Choose the regions of the program."""
        self.program.environment["SPOKE_KUBECONFIGS"] = ",".join(f"{name}={self.paths[name]}" for name in names)

    def set(self, **config: object) -> None:
        """Change settings, as by `pulumi config set`."""
        for key, value in config.items():
            self.program.run("config", "set", key, str(value))

    def application(self, region: str) -> dict[str, Any]:
        """Return the application in a region; an empty one where there is none."""
        answer = self.cmf.get(self.path(region))
        return answer.json() if answer.status_code == 200 else {}

    def path(self, region: str) -> str:
        """Return where the hub has the application in a region."""
        return f"/environments/orders-{region}/applications/orders"

    def runs_in(self, region: str) -> bool:
        """Tell whether the job runs in a region, and there alone."""
        (other,) = {self.west, self.east} - {region}
        found = self.application(region)
        return not self.application(other) and found["status"]["jobStatus"]["state"] == "RUNNING"


@pytest.mark.rule("C33", "C41", "C49", "C53", "E50", "E51")
def test_two_regions(program: Components, fleet: dict[str, Spoke], cmf: Hub) -> None:
    example = Example(program, fleet, cmf)
    west, east = example.west, example.east
    program.up()
    assert example.runs_in(west)
    is_drawn("two-regions", program.folder, program.environment)

    program.use_plugin()  # from here on the plugin serves the application; the handover stays with the program
    example.set(parallelism=4)
    assert "JobManager and TaskManagers restart (job.parallelism" in program.run("preview")
    program.up()
    assert example.application(west)["spec"]["job"]["parallelism"] == 4
    example.set(parallelism=2)
    program.up()
    assert example.application(west)["spec"]["job"]["parallelism"] == 2

    example.set(at=east)
    assert f"moves from environment 'orders-{west}' to 'orders-{east}'" in program.run("preview")
    program.up()
    assert example.runs_in(east)
    assert _outputs(program)["startedFrom"].startswith("s3://bucket/flink/savepoints/")

    known = completed(cmf, example.path(east))["status"]["path"]
    dead = fleet["spoke"].cluster
    dead.pause()
    try:
        cmf.connected(east, "DISCONNECTED")
        example.set(at=west)
        assert f"CMF knows of {known}" in program.run("preview", fails=True)
        example.set(restoreFrom=known)
        assert "runs twice if it still runs there" in program.up()
        assert example.runs_in(west)
        assert _outputs(program) == {"environment": f"orders-{west}", "startedFrom": known}
    finally:
        dead.resume()
        cmf.connected(east)
    assert [orphan["name"] for orphan in _orphans(cmf, east)] == ["orders"]
    cmf.post(f"/kubernetes-clusters/{east}/orphans/clean").raise_for_status()

    # It moves back with the state that it has now, and the region that it left is retired, in one update.
    example.set(at=east)
    example.regions(east)
    program.up()
    assert example.runs_in(east)
    assert _outputs(program)["startedFrom"] != known
    assert cmf.cluster_state(west) is None


def _orphans(cmf: Hub, cluster: str) -> list[dict[str, Any]]:
    orphans: list[dict[str, Any]] = cmf.get(f"/kubernetes-clusters/{cluster}").json()["status"]["orphans"]
    return orphans


def _outputs(program: Components) -> dict[str, str]:
    outputs: dict[str, str] = json.loads(program.run("stack", "output", "--json"))
    return outputs
