"""Placement: an application that moves between two clusters with its state, and never runs on both."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pulumi_cmf_components import Placement

from tests.components.conftest import Components
from tests.provider.program import operations
from tests.support.hub import Hub, Spoke, application, unique

PROGRAM = """
    placed = Placement(
        {name!r},
        environments={{"home": {home!r}, "spoke": {spoke!r}}},
        at={at!r},
        spec={{
            "image": {image!r},
            "flink_version": "v1_20",
            "job_manager": {{"resource": {{"cpu": 1, "memory": "1024m"}}}},
            "task_manager": {{"resource": {{"cpu": 1, "memory": "1024m"}}}},
            "flink_configuration": {{**{more!r}, "taskmanager.numberOfTaskSlots": 2}},
            "job": {{"jar_uri": "local:///job.jar", "parallelism": 2, "upgrade_mode": {mode!r}}},
        }},
        {arguments}
    )
    pulumi.export("savepoint", placed.savepoint_path)
"""
DURABLE = {"state.checkpoints.dir": "s3://shared/checkpoints", "state.savepoints.dir": "s3://shared/savepoints"}


class Fleet:
    """Two clusters under one hub, an environment on each, and the program of one application."""

    def __init__(self, program: Components, fleet: dict[str, Spoke], cmf: Hub) -> None:
        self.program, self.clusters, self.cmf = program, fleet, cmf
        self.name, self.cluster = unique("orders"), unique("region")
        cmf.register(self.cluster, fleet["spoke"].cluster.kubeconfig)
        defaults: dict[str, Any] = {"flinkApplicationDefaults": {"spec": {"flinkConfiguration": DURABLE}}}
        self.paths = {
            "home": cmf.environment("flink", **defaults),
            "spoke": cmf.environment("flink", self.cluster, **defaults),
        }
        self.environments = {place: path.rpartition("/")[2] for place, path in self.paths.items()}

    def text(self, at: str, *, image: str = "flink:1.20", mode: str = "savepoint", arguments: str = "",
             more: dict[str, str] | None = None) -> str:  # fmt: skip
        return PROGRAM.format(
            name=self.name, at=at, image=image, mode=mode, arguments=arguments, more=more or {}, **self.environments
        )

    def spec_at(self, place: str) -> dict[str, object]:
        """Return the job of the application in a place."""
        answer = self.cmf.get(f"{self.paths[place]}/applications/{self.name}")
        return answer.json()["spec"]["job"] if answer.status_code == 200 else {}

    def running(self, place: str) -> bool:
        """Tell whether the cluster itself says that the job runs there."""
        deployment = self.clusters[place].deployments().get(self.name) or {}
        return ((deployment.get("status") or {}).get("jobStatus") or {}).get("state") == "RUNNING"

    @contextmanager
    def never_twice(self) -> Iterator[None]:
        """Look at both clusters all the time, and fail if the job was seen running on both at once."""
        over, seen = threading.Event(), []

        def watch() -> None:
            while not over.wait(0.02):
                seen.append((self.running("home"), self.running("spoke")))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
        assert (True, True) not in seen
        assert {(True, False), (False, True)} <= {*seen}


@pytest.fixture
def placed(program: Components, fleet: dict[str, Spoke], cmf: Hub) -> Iterator[Fleet]:
    """The two environments of one application; what its program made is destroyed."""
    made = Fleet(program, fleet, cmf)
    yield made
    program.end()
    for path in made.paths.values():
        cmf.delete(path).raise_for_status()
    (cmf.kubeconfigs / made.cluster).unlink()


@pytest.mark.rule("E07", "E26", "E51")
def test_moves_with_its_state_in_one_update_and_back(placed: Fleet) -> None:
    program, name = placed.program, placed.name
    program.up(placed.text("home"))
    assert placed.running("home")
    assert "initialSavepointPath" not in placed.spec_at("home")

    said = program.preview(placed.text("spoke"))
    told = f"moves from environment '{placed.environments['home']}' to '{placed.environments['spoke']}'"
    assert told in said
    assert "it is suspended with a savepoint, starts there from that" in said
    assert operations(said) == {f"{name}-spoke": "create", f"{name}-home": "delete"}
    with placed.never_twice():
        program.up()
    assert placed.running("spoke")
    assert not placed.clusters["home"].deployments().get(name)
    first = placed.spec_at("spoke")["initialSavepointPath"]
    assert str(first).startswith("s3://shared/savepoints/savepoint-")
    program.refresh()
    assert operations(program.preview()) == {}

    with placed.never_twice():
        program.up(placed.text("home", image="flink:1.20.1"))
    assert placed.running("home")
    second = placed.spec_at("home")["initialSavepointPath"]
    assert second != first
    assert str(second).startswith("s3://shared/savepoints/savepoint-")
    assert not placed.clusters["spoke"].deployments().get(name)


@pytest.mark.rule("E51")
def test_a_move_that_fails_leaves_the_state_where_it_was_and_is_taken_back(placed: Fleet) -> None:
    program, name = placed.program, placed.name
    program.up(placed.text("home"))
    broken = {"standin.pending-taskmanager": "true"}
    failed = program.up(placed.text("spoke", more=broken, arguments="timeouts={'create': 5},"), fails=True)
    assert "was not STABLE within 5 s" in failed
    assert placed.clusters["home"].deployments()[name]["spec"]["job"]["state"] == "suspended"
    left = placed.clusters["home"].deployments()[name]["status"]["jobStatus"]["savepointInfo"]["lastSavepoint"]
    said = program.up(placed.text("home"))
    assert operations(said)[f"{name}-home"] == "updated"
    assert placed.running("home")
    assert placed.spec_at("home")["initialSavepointPath"] == left["location"]
    assert not placed.clusters["spoke"].deployments().get(name)


@pytest.mark.rule("C33", "E33", "E51")
def test_what_cannot_move_stays_and_runs_on(placed: Fleet) -> None:
    program, name = placed.program, placed.name
    program.up(placed.text("home", more={"standin.fail-savepoint": "true"}))
    failed = program.up(placed.text("spoke", arguments="timeouts={'update': 5},"), fails=True)
    assert "was not SUSPENDED within 5 s" in failed
    assert "It was told to go on where it is" in failed
    placed.cmf.until(f"{placed.paths['home']}/applications/{name}", "status.lifecycleState", "STABLE")
    assert placed.running("home")
    assert not placed.clusters["spoke"].deployments().get(name)

    region = placed.clusters["spoke"].cluster
    region.pause()
    try:
        placed.cmf.connected(placed.cluster, "DISCONNECTED")
        assert f"Kubernetes cluster '{placed.cluster}' is DISCONNECTED" in program.up(placed.text("spoke"), fails=True)
        assert placed.running("home"), "it is not stopped for a place where it cannot start"
    finally:
        region.resume()
        placed.cmf.connected(placed.cluster)


@pytest.mark.rule("E51")
def test_takes_over_a_plain_application_and_moves_it_later_only(placed: Fleet) -> None:
    program, name = placed.program, placed.name
    plain = placed.text("home").replace("placed = Placement(", "FlinkApplication(")
    plain = re.sub(r"\n +environments=.*\n +at=.*,", f"\n        environment={placed.environments['home']!r},", plain)
    program.up(plain.partition("    pulumi.export")[0])
    job = program.outputs(name)["job_id"]
    assert f"it is also in {placed.environments['home']}" in program.preview(placed.text("spoke"), fails=True)
    program.up(placed.text("home"))
    assert program.outputs(f"{name}-home")["job_id"] == job
    assert placed.running("home")


@pytest.mark.rule("E51")
def test_a_copy_elsewhere_is_told_before_it_runs_twice(placed: Fleet) -> None:
    placed.cmf.post(f"{placed.paths['spoke']}/applications", application(placed.name)).raise_for_status()
    said = placed.program.preview(placed.text("home"), fails=True)
    assert f"it is also in {placed.environments['spoke']}, and would run twice" in said
    placed.cmf.delete(f"{placed.paths['spoke']}/applications/{placed.name}").raise_for_status()
    placed.cmf.gone(f"{placed.paths['spoke']}/applications/{placed.name}")


def test_says_what_it_cannot_be() -> None:
    with pytest.raises(ValueError, match="at 'moon' is none of its environments: east, west"):
        Placement("p", environments={"east": "a", "west": "b"}, at="moon", spec={})
    with pytest.raises(ValueError, match="say restore_from instead"):
        Placement("p", environments={"east": "a"}, at="east", spec={"job": {"initial_savepoint_path": "s3://a"}})
