"""The program of examples/fleet on real Flink: README's walk. Each test goes on where the last one ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cmf_localfleet import Workspace
from pulumi_cmf.lifecycle.spelling import as_cmf

from tests.e2e.program import FleetProgram, changes
from tests.real.counting import PATIENCE, Counting
from tests.real.fleet import COUNTING_JAR, DATA, NAMESPACE, RealFleet, flink
from tests.real.stack import SMALL, kill_meanwhile
from tests.support.hub import Hub
from tests.support.wait import wait_for

pytestmark = pytest.mark.timeout(900)

APPLICATION = "/environments/fleet-spoke/applications/state-machine"
POOL = "/environments/fleet-hub/compute-pools/shared-pool"
STATEMENT = "/environments/fleet-spoke/statements/big-orders"
RESOURCES = 14
"""Resources of the program with one spoke: the stack, a cluster, two environments, two pools, an application, two
statements; a catalog, a database and three tables."""


def settings(fleet: RealFleet) -> dict[str, Any]:
    """Return the settings with which the program fits these clusters."""
    return {
        "namespace": NAMESPACE,
        "stateUri": f"file://{DATA}/fleet",
        "taskManagers": 1,
        "taskSlots": 1,
        "createTables": True,
        "jarUri": COUNTING_JAR,
        "jarArguments": [f"{DATA}/counts/state-machine"],
        "flinkDefaults": as_cmf({**SMALL, "image": fleet.image, "pod_template": fleet.pod_template}),
    }


@pytest.fixture(scope="module")
def program(fleet: RealFleet, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetProgram]:
    """The program in a folder of its own, its settings in Pulumi.local.yaml; destroyed at the end."""
    program = FleetProgram(tmp_path_factory.mktemp("program"), Workspace.find())
    program.environment |= {
        "CMF_URL": str(hub.http.base_url),
        "CMF_KUBECONFIG_DIRECTORY": str(hub.kubeconfigs),
        "SPOKE_KUBECONFIGS": f"spoke={fleet.clusters['spoke'].cluster.kubeconfig}",
    }
    program.timeout = 300.0
    program.start()
    file = program.folder / "Pulumi.local.yaml"
    config = {f"cmf-fleet:{name}": value for name, value in settings(fleet).items()}
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "config": config}))
    yield program
    program.end()


@pytest.fixture
def job(fleet: RealFleet) -> Counting:
    """What the application counts."""
    return Counting(fleet, "state-machine")


def components(fleet: RealFleet, cluster: str, app: str) -> list[str]:
    """Return what the pods of a Flink cluster are."""
    return sorted(pod.metadata.labels["component"] for pod in fleet.clusters[cluster].pods(app=app))


def configuration(hub: Hub, resource: str) -> dict[str, str]:
    """Return the configuration of a JobManager."""
    return {each["key"]: each["value"] for each in flink(hub, resource, "jobmanager/config")}


@pytest.mark.rule("C08", "C10", "C25", "E02", "E03", "E04", "P04", "P05")
def test_up_ends_when_every_job_runs_where_its_environment_is(
    program: FleetProgram, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    said = kill_meanwhile(hub, program.up, lambda: hub.get(APPLICATION).status_code == 200)
    assert changes(said) == {"created": RESOURCES}
    assert set(fleet.clusters["home"].deployments()) == {"shared-pool"}
    assert set(fleet.clusters["home"].session_jobs()) == {"orders-by-user"}
    assert set(fleet.clusters["spoke"].deployments()) == {"state-machine", "big-orders"}
    for cluster, app in (("home", "shared-pool"), ("spoke", "state-machine")):
        assert components(fleet, cluster, app) == ["jobmanager", "taskmanager"]
    assert set(components(fleet, "spoke", "big-orders")) == {"jobmanager", "taskmanager"}
    job.goes_on()
    assert job.starts == [1]


@pytest.mark.rule("C10", "P05")
def test_flink_itself_says_that_the_jobs_run(hub: Hub) -> None:
    for resource in (APPLICATION, POOL, STATEMENT):
        (job,) = flink(hub, resource, "jobs/overview")["jobs"]
        assert job["state"] == "RUNNING"
        assert job["tasks"]["running"] == job["tasks"]["total"]


@pytest.mark.rule("E03", "E06")
def test_the_job_managers_have_the_merged_configuration(hub: Hub) -> None:
    for resource in (APPLICATION, POOL, STATEMENT):
        found = configuration(hub, resource)
        assert found["execution.checkpointing.interval"] == "30 s"  # the environment's
        assert found["state.checkpoints.dir"] == f"file://{DATA}/fleet/checkpoints"  # its own
        assert found["kubernetes.namespace"] == NAMESPACE


def test_a_second_up_changes_nothing(program: FleetProgram, job: Counting) -> None:
    assert changes(program.up()) == {"unchanged": RESOURCES}
    assert job.starts == [1]


@pytest.mark.rule("E25", "E47")
def test_another_task_manager_runs_and_the_job_keeps_its_state(
    program: FleetProgram, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    reached = job.count
    program.configure(taskManagers=2)
    assert changes(program.up()) == {"updated": 1, "unchanged": RESOURCES - 1}
    assert components(fleet, "spoke", "state-machine") == ["jobmanager", "taskmanager", "taskmanager"]
    assert [each["slotsNumber"] for each in flink(hub, APPLICATION, "taskmanagers")["taskmanagers"]] == [1, 1]
    job.starts_again(2)
    assert job.starts[1] > reached
    job.goes_on()


@pytest.mark.rule("C14")
def test_destroy_leaves_nothing(program: FleetProgram, fleet: RealFleet, hub: Hub) -> None:
    kill_meanwhile(
        hub, lambda: program.run("destroy", "--yes", "--skip-preview"), lambda: hub.get(STATEMENT).status_code == 404
    )
    assert [each["metadata"]["name"] for each in hub.get("/kubernetes-clusters").json()["items"]] == [
        "default-k8s-cluster"
    ]
    for kind in ("environments", "catalogs/kafka"):
        assert hub.get(f"/{kind}").json()["items"] == []
    assert list(hub.kubeconfigs.iterdir()) == []
    for cluster in fleet.clusters.values():
        assert not cluster.deployments()
        assert not cluster.session_jobs()
        wait_for(lambda cluster=cluster: not cluster.pods(), "pods to go", PATIENCE)  # type: ignore[misc]
    assert [one["type"] for one in program.state()] in ([], ["pulumi:pulumi:Stack"])
