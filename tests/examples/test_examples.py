"""The examples, each by the commands of its page, and the pictures of what they leave."""

import json
import os
import subprocess
from collections.abc import Callable

import pytest
from cmf_localfleet import Workspace
from cmf_localfleet.artifacts import ensure_artifact

from tests.examples.example import Example
from tests.provider.program import operations
from tests.support.hub import Hub, Spoke
from tests.support.issuer import Issuer, bearer
from tests.support.pictures import EXAMPLES

POLICY = str(EXAMPLES.parent / "policy")

Start = Callable[[str, Hub], Example]


def outputs(example: Example) -> dict[str, str]:
    """Return the stack's outputs."""
    found: dict[str, str] = json.loads(example.run("stack", "output", "--json"))
    return found


def test_every_example_is_in_the_index_and_has_a_page() -> None:
    index = (EXAMPLES / "README.md").read_text()
    for folder in EXAMPLES.iterdir():
        if not folder.is_dir() or folder.name == "reference":
            continue
        assert f"({folder.name}/README.md)" in index
        page = (folder / "README.md").read_text()
        assert "Change first" in page or folder.name == "pull-request"
        for picture in folder.rglob("picture.svg"):
            assert f"({picture.relative_to(folder)})" in page


def test_quickstart(example: Start, cmf: Hub) -> None:
    quickstart = example("quickstart", cmf)
    quickstart.up()
    assert outputs(quickstart) == {"job": "RUNNING", "statement": "RUNNING"}
    quickstart.has_its_picture()


def test_what_is_there_is_adopted_and_goes_on(example: Start, cmf: Hub) -> None:
    adopt = example("adopt", cmf)
    subprocess.run([adopt.folder / "existing.sh"], env=adopt.environment, check=True, timeout=100)
    cmf.until("/environments/legacy/applications/billing", "status.jobStatus.state", "RUNNING")
    kept = ("metadata", "spec")
    paths = [f"/environments/legacy/{path}" for path in ("applications/billing", "compute-pools/reports")]
    before = [{part: cmf.get(path).json()[part] for part in kept} for path in paths]
    adopt.configure(parallelism=3)
    assert operations(adopt.preview()) == {"legacy": "import", "billing": "update", "reports": "import"}
    adopt.configure(parallelism=2)
    assert "3 to import" in adopt.preview()
    said = adopt.up()
    assert "3 imported" in said
    assert [{part: cmf.get(path).json()[part] for part in kept} for path in paths] == before
    adopt.run("preview", "--expect-no-changes")
    adopt.has_its_picture()

    adopt.configure(parallelism=4)
    assert operations(adopt.up())["billing"] == "updated"
    after = cmf.get(paths[0]).json()
    assert after["spec"]["job"]["parallelism"] == 4
    assert after["metadata"]["uid"] == before[0]["metadata"]["uid"]


@pytest.mark.rule("E47", "E49", "P38")
def test_a_job_is_resized_and_rolled_back_within_limits(example: Start, cmf: Hub, fleet: dict[str, Spoke]) -> None:
    resize = example("resize", cmf)
    resize.up()
    resize.has_its_picture()
    before = fleet["home"].deployments()["resized"]
    resize.configure(taskManagers=3)
    said = resize.preview()
    assert {name: done for name, done in operations(said).items() if done == "update"} == {"resized": "update"}
    assert "JobManager and TaskManagers restart" in said
    resize.up()
    bigger = fleet["home"].deployments()["resized"]
    assert (bigger["spec"]["taskManager"]["replicas"], bigger["spec"]["job"]["parallelism"]) == (3, 6)
    assert bigger["metadata"]["uid"] == before["metadata"]["uid"]
    resize.configure(taskManagers=2)
    resize.up()
    back = fleet["home"].deployments()["resized"]
    assert {**back["spec"], "podTemplate": None} == {**before["spec"], "podTemplate": None}, "but for the instance's id"

    resize.configure(taskManagers=9)
    pack = ("--policy-pack", POLICY, "--policy-pack-config", "policies.json")
    said = resize.preview(None, *pack, fails=True)
    assert "Environment 'resize' asks for 10 task managers, over the limit of 6" in said
    resize.configure(taskManagers=2, poolTaskManagers=2)
    said = resize.preview(fails=True)
    assert "orders-per-user (RUNNING)" in said
    assert "[P38]" in said
    resize.configure(poolTaskManagers=1)
    assert operations(resize.preview(None, *pack)) == {}


@pytest.mark.rule("E56")
def test_a_team_does_its_part_and_is_refused_the_rest(careful: Hub, issuer: Issuer, example: Start) -> None:
    tokens = {group: issuer.token("somebody", groups=[group]) for group in ("platform", "orders")}
    platform, team = example("self_service/platform", careful), example("self_service/team", careful)
    platform.run("config", "set", "--secret", "cmf:token", tokens["platform"])
    team.run("config", "set", "--secret", "cmf:token", tokens["orders"])
    platform.up()
    assert sorted(outputs(platform)) == ["orders", "payments"]
    platform.has_its_picture()

    pack = ("--policy-pack", POLICY, "--policy-pack-config", str(EXAMPLES / "self_service" / "policies.json"))
    team.run("up", "--yes", "--skip-preview", *pack)
    assert outputs(team) == {"job": "RUNNING"}
    team.has_its_picture()

    team.configure(taskManagers=9)
    said = team.preview(None, *pack, fails=True)
    assert "Environment 'orders' asks for 9 task managers, over the limit of 4" in said
    team.configure(taskManagers=2)
    program = team.folder / "__main__.py"
    text = program.read_text()
    program.write_text(text.replace('    labels={"team": team},\n', ""))
    assert "lacks the labels team" in team.preview(None, *pack, fails=True)
    program.write_text(text)

    team.configure(environment="payments")
    said = team.up(fails=True)
    assert "permission" in said
    found = careful.get("/environments/payments/applications", headers=bearer(tokens["platform"])).json()
    assert found["items"] == []
    team.configure(environment="orders")
    platform.run("config", "set", "--secret", "cmf:token", tokens["orders"])
    platform.configure(namespace="default")
    assert "permission" in platform.up(fails=True)
    assert (
        careful.get("/environments/orders", headers=bearer(tokens["orders"])).json()["kubernetesNamespace"] == "flink"
    )

    platform.run("config", "set", "--secret", "cmf:token", tokens["platform"])
    platform.configure(namespace="flink")
    platform.up()
    for one in (team, platform):
        assert not any(token in one.run("stack", "export") for token in tokens.values())


def test_everything_in_yaml(example: Start, cmf: Hub, fleet: dict[str, Spoke]) -> None:
    yaml = example("yaml", cmf)
    languages = ensure_artifact("pulumi-languages", Workspace.find())
    yaml.environment["PATH"] = os.pathsep.join((str(languages), yaml.environment["PATH"]))
    yaml.configure(kubeconfig=fleet["spoke"].cluster.kubeconfig)
    yaml.up()
    assert outputs(yaml) == {"cluster": "CONNECTED", "job": "RUNNING", "statement": "RUNNING"}
    assert set(fleet["spoke"].deployments()) == {"totals", "orders-sql"}
    yaml.run("preview", "--expect-no-changes")
    yaml.has_its_picture()
