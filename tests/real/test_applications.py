"""An application's life on real Flink. Each test goes on where the last one ended."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.real.costs import Costs, cpu_now
from tests.real.counting import PATIENCE, Counting
from tests.real.fleet import DATA, NAMESPACE, RealFleet, flink
from tests.real.stack import ENVIRONMENTS, Stack, counting
from tests.support.hub import V1, Hub
from tests.support.wait import wait_for

pytestmark = pytest.mark.timeout(900)

APPLICATION = f"/environments/{ENVIRONMENTS['spoke']}/applications/counting"


@pytest.fixture
def job(fleet: RealFleet) -> Counting:
    """What the application counts."""
    return Counting(fleet, "counting")


@pytest.mark.rule("C08", "C10", "E02", "E03", "E04", "E28", "E42")
def test_up_ends_when_the_job_runs_where_its_environment_is(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting, costs: Costs
) -> None:
    stack.up()
    stack.set("counting", "FlinkApplication", **counting("counting", ENVIRONMENTS["spoke"]))
    costs.of_start(stack, fleet.clusters["spoke"], hub, APPLICATION)
    status = hub.get(APPLICATION).json()["status"]
    assert status["lifecycleState"] == "STABLE"
    assert status["jobStatus"]["state"] == "RUNNING"
    components = {pod.metadata.labels["component"] for pod in fleet.clusters["spoke"].pods(app="counting")}
    assert components == {"jobmanager", "taskmanager"}
    assert fleet.clusters["home"].pods() == []
    job.goes_on()
    assert job.starts == [1]


@pytest.mark.rule("E03", "E06")
def test_the_job_manager_has_the_merged_configuration(hub: Hub) -> None:
    configuration = {each["key"]: each["value"] for each in flink(hub, APPLICATION, "jobmanager/config")}
    assert configuration["execution.checkpointing.interval"] == "2 s"  # the environment's
    assert configuration["taskmanager.numberOfTaskSlots"] == "1"  # its own
    assert configuration["kubernetes.namespace"] == NAMESPACE


def test_while_a_job_runs_and_nothing_changes_the_hub_rests(hub: Hub, job: Counting, costs: Costs) -> None:
    reached, before = job.count, cpu_now(hub)
    wait_for(lambda: job.count >= reached + 1000, "a thousand numbers", PATIENCE)
    assert costs.at_rest(hub, before) < 0.2


@pytest.mark.rule("E41")
def test_the_web_ui_is_reached_through_the_hub(hub: Hub) -> None:
    page = hub.get(f"{APPLICATION}/flink-web-ui/")
    assert page.status_code == 200
    assert "<flink-root" in page.text
    parts = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.text)
    assert parts
    hub.crash()
    for part in parts:
        assert hub.get(f"{APPLICATION}/flink-web-ui/{part}").status_code == 200, part
    (found,) = flink(hub, APPLICATION, "jobs/overview")["jobs"]
    assert found["state"] == "RUNNING"


@pytest.mark.rule("E41")
def test_a_browser_shows_the_web_ui_that_comes_through_the_hub(hub: Hub, tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("there is no `chromium` on PATH")
    address = f"{hub.http.base_url}{V1}{APPLICATION}/flink-web-ui/#/overview"
    options = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-proxy-server",
        f"--user-data-dir={tmp_path}/profile",
    )

    def shown(what: str) -> str:
        command = [browser, *options, "--window-size=1400,900", "--virtual-time-budget=20000", what, address]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
        except subprocess.TimeoutExpired:
            return ""  # a headless Chromium hangs at times, and the next one does not

    (job,) = flink(hub, APPLICATION, "jobs/overview")["jobs"]
    page = wait_for(
        lambda: text if job["name"] in (text := shown("--dump-dom")) else "", "the job on the page", PATIENCE
    )
    assert "Running Job List" in page
    picture = tmp_path / "web-ui.png"

    def pictured() -> bool:
        shown(f"--screenshot={picture}")
        return picture.exists()

    wait_for(pictured, "a picture of it", PATIENCE)
    assert picture.stat().st_size > 20_000  # more than a blank page


@pytest.mark.rule("C15")
def test_new_credentials_of_a_cluster_do_not_touch_its_jobs(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    path, spoke, starts = "/kubernetes-clusters/spoke", fleet.clusters["spoke"], job.starts
    uid = hub.get(path).json()["metadata"]["uid"]
    before = stack.resources["spoke"][1]["kubeconfig"]
    file = hub.kubeconfigs / "spoke"
    stack.change("spoke", "kubeconfig", spoke.make_token("hub"))
    stack.up_while_the_hub_is_killed(hub, lambda: "token" in file.read_text())
    job.goes_on()
    spoke.delete_account("hub")
    hub.connected("spoke", "DISCONNECTED")  # so it had the new ones
    stack.change("spoke", "kubeconfig", before)
    stack.up()
    hub.connected("spoke")
    assert hub.get(path).json()["metadata"]["uid"] == uid
    job.goes_on()
    assert job.starts == starts


@pytest.mark.rule("E20", "E21")
def test_suspended_it_has_no_task_managers_and_resumed_it_goes_on_with_its_state(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    stack.change("counting", "spec.job.state", "suspended")
    stack.up()
    spoke = fleet.clusters["spoke"]
    wait_for(lambda: not spoke.pods(app="counting", component="taskmanager"), "TaskManagers to go", PATIENCE)
    assert hub.get(APPLICATION).json()["status"]["lifecycleState"] == "SUSPENDED"
    reached = job.count
    stack.change("counting", "spec.job.state", "running")
    stack.up()
    wait_for(lambda: len(job.starts) == 2, "the second start", PATIENCE)
    assert job.starts[1] > reached
    job.goes_on()


@pytest.mark.rule("E25", "E47")
def test_more_slots_and_task_managers_restart_it_with_its_state_and_can_be_taken_back(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    slots = stack.resources["counting"][1]["spec"]["flink_configuration"]
    stack.change("counting", "spec.job.parallelism", 3)
    stack.change("counting", "spec.flink_configuration", {**slots, "taskmanager.numberOfTaskSlots": "2"})
    stack.up()
    assert [each["slotsNumber"] for each in flink(hub, APPLICATION, "taskmanagers")["taskmanagers"]] == [2, 2]
    fleet.clusters["spoke"].kill_operator()
    stack.change("counting", "spec.job.parallelism", 1)
    stack.change("counting", "spec.flink_configuration", slots)
    generation = hub.get(APPLICATION).json()["metadata"]["generation"]
    stack.up_while_the_hub_is_killed(hub, lambda: hub.get(APPLICATION).json()["metadata"]["generation"] > generation)
    wait_for(lambda: len(job.starts) == 4, "two more starts", PATIENCE)
    assert job.starts == sorted(set(job.starts))


@pytest.mark.rule("E31", "E32", "P60")
def test_a_killed_job_manager_comes_back_with_the_last_checkpoint(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    job.goes_on()
    spoke, before = fleet.clusters["spoke"], job.starts
    (pod,) = spoke.pods(app="counting", component="jobmanager")
    spoke.kill_pod(pod.metadata.name)
    hub.crash()
    wait_for(lambda: len(job.starts) > len(before), "another start", PATIENCE)
    assert job.starts[-1] > before[-1]
    hub.until(APPLICATION, "status.jobStatus.state", "RUNNING", PATIENCE)


@pytest.mark.rule("E34")
def test_without_high_availability_a_killed_job_manager_loses_the_state_and_the_status_says_so(
    stack: Stack, fleet: RealFleet, hub: Hub
) -> None:
    path, home, plain = f"/environments/{ENVIRONMENTS['home']}/applications/plain", fleet.clusters["home"], "plain"
    inputs = counting(plain, ENVIRONMENTS["home"])
    inputs["spec"]["flink_configuration"] = {"taskmanager.numberOfTaskSlots": "1"}
    stack.set(plain, "FlinkApplication", **inputs)
    stack.up()
    Counting(fleet, plain).goes_on()
    assert "stateLost" not in hub.get(path).json()["status"]
    (pod,) = home.pods(app=plain, component="jobmanager")
    home.kill_pod(pod.metadata.name)
    Counting(fleet, plain).starts_again(2)
    assert Counting(fleet, plain).starts[1] == 1
    wait_for(lambda: hub.get(path).json()["status"].get("stateLost"), "the loss to be told", PATIENCE)
    stack.drop(plain)


@pytest.mark.rule("E51", "E57")
def test_it_goes_back_to_an_older_savepoint_on_the_other_cluster(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    stack.set("before-the-move", "Savepoint", environment=ENVIRONMENTS["spoke"], application="counting")
    savepoint = f"{APPLICATION}/savepoints/before-the-move"
    stack.up_while_the_hub_is_killed(hub, lambda: hub.get(savepoint).status_code == 200)
    saved = job.count
    wait_for(lambda: job.count > saved + 200, "it to count beyond the savepoint", PATIENCE)
    path = hub.get(f"{APPLICATION}/savepoints/before-the-move").json()["status"]["path"]
    assert (fleet.data / path.removeprefix(f"file:{DATA}/").removeprefix(f"//{DATA}/")).exists(), path
    stack.set("the-move", "DetachedSavepoint", path=path)
    stack.change("counting", "spec.job.state", "suspended")
    stack.up()
    reached = job.count
    detached = hub.get("/detached-savepoints/the-move").json()["status"]["path"]
    moved = counting("moved", ENVIRONMENTS["home"], initial_savepoint_path=detached)
    stack.set("moved", "FlinkApplication", **moved)
    there = f"/environments/{ENVIRONMENTS['home']}/applications/moved"
    stack.up_while_the_hub_is_killed(hub, lambda: hub.get(there).status_code == 200)
    wait_for(lambda: Counting(fleet, "moved").starts, "the moved job to count", PATIENCE)
    assert 1 < Counting(fleet, "moved").starts[0] <= saved + 50 < reached  # the file has each fiftieth number
    assert len(fleet.clusters["home"].deployments()) == 1
    stack.drop("before-the-move")
    stack.drop("counting")
    stack.up()
    assert job.count == reached  # never two at once
    assert fleet.clusters["spoke"].pods(app="counting") == []
    Counting(fleet, "moved").goes_on()


@pytest.mark.rule("C40", "C41", "C42", "C43")
def test_an_empty_cluster_is_decommissioned_and_taken_back(stack: Stack, fleet: RealFleet, hub: Hub) -> None:
    stack.change("spoke", "lifecycle_state", "DECOMMISSIONED")
    assert "C41" in stack.program.preview(stack.text(), fails=True)
    stack.change("spoke", "lifecycle_state", "ACTIVE")
    environment = stack.resources[ENVIRONMENTS["spoke"]]
    stack.drop(ENVIRONMENTS["spoke"])
    stack.up()
    stack.change("spoke", "lifecycle_state", "DECOMMISSIONED")
    stack.up_while_the_hub_is_killed(hub, lambda: hub.cluster_state("spoke") == "DECOMMISSIONED")
    hub.connected("spoke", "DECOMMISSIONED")
    Counting(fleet, "moved").goes_on()
    stack.change("spoke", "lifecycle_state", "ACTIVE")
    stack.up_while_the_hub_is_killed(hub, lambda: hub.cluster_state("spoke") != "DECOMMISSIONED")
    hub.connected("spoke")
    stack.set(ENVIRONMENTS["spoke"], environment[0], **environment[1])
    stack.up()


def test_destroyed_nothing_is_left_on_the_clusters(stack: Stack, fleet: RealFleet) -> None:
    stack.program.run("destroy", "--yes", "--skip-preview")
    for spoke in fleet.clusters.values():
        wait_for(lambda spoke=spoke: not spoke.pods(), "pods to go", PATIENCE)  # type: ignore[misc]
        assert not spoke.deployments()
