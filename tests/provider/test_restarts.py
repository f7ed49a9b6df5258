"""What a change does to what runs, told at preview; and the way back in one step."""

from typing import Any

import pytest

from tests.provider.lines import SPEC, environment, pool
from tests.provider.lines import application as plain
from tests.provider.program import Program, on_both_fronts
from tests.support.hub import Hub, unique

STATE = {"state.checkpoints.dir": "s3://shared/checkpoints", "state.savepoints.dir": "s3://shared/savepoints"}


def application(name: str, parallelism: int, image: str, mode: str = "savepoint") -> str:
    """Return the line that makes an application with state in `env`."""
    job: dict[str, Any] = {**SPEC["job"], "parallelism": parallelism, "upgradeMode": mode}
    spec = {**SPEC, "image": image, "job": job}
    spec["flinkConfiguration"] = {**STATE, "taskmanager.numberOfTaskSlots": 1}
    return f"FlinkApplication({name!r}, environment=env.name, spec={spec!r})\n"


@on_both_fronts
@pytest.mark.rule("E20", "E47", "E49", "E50")
def test_a_resize_is_told_and_taken_back_in_one_step(program: Program, cmf: Hub) -> None:
    env, app = unique("env"), unique("app")
    limits = {"spec": {"flinkConfiguration": {"slotmanager.number-of-slots.max": "4"}}}
    text = environment(env, flink_application_defaults=limits)
    before = text + application(app, 2, "flink:1.20")
    program.up(before)
    path = f"/environments/{env}/applications/{app}"
    first = cmf.get(path).json()

    after = text + application(app, 4, "flink:1.20.1")
    told = (
        f"FlinkApplication '{app}' in environment '{env}': JobManager and TaskManagers restart (image, job.parallelism"
    )
    said = program.preview(after)
    assert told in said
    assert "2 TaskManagers with 2 cores and 2 GiB to 4 TaskManagers with 4 cores and 4 GiB" in said
    assert "its job goes on from a savepoint [E20]" in said
    assert "over slotmanager.number-of-slots.max 4" not in said
    assert "over slotmanager.number-of-slots.max 4" in program.preview(text + application(app, 5, "flink:1.20"))
    other = after.replace(f"'{app}', environment=env.name", f"'{app}', environment=other.name")
    said = program.preview(f"other = Environment('other-{env}', kubernetes_namespace='cmf')\n{other}")
    assert f"starts without the state of FlinkApplication '{app}' in environment '{env}', and before that ends" in said
    lost = program.preview(text + application(app, 2, "flink:1.20.1", "stateless"))
    assert "its state is lost (upgradeMode stateless) [E20]" in lost
    program.up(after)

    said = program.preview(before)
    assert "4 TaskManagers with 4 cores and 4 GiB to 2 TaskManagers with 2 cores and 2 GiB" in said
    assert "its job goes on from a savepoint [E20]" in said
    program.up()
    back = cmf.get(path).json()
    assert back["spec"] == first["spec"]
    assert back["status"]["jobStatus"]["state"] == "RUNNING"
    instances = cmf.get(f"{path}/instances").json()["items"]
    sizes = {each["metadata"]["name"]: each["status"]["spec"]["job"]["parallelism"] for each in instances}
    assert sorted(sizes.values()) == [2, 2, 4]
    assert sizes[back["status"]["currentDeployedInstanceName"]] == 2


@pytest.mark.rule("E04", "E20", "P38")
def test_what_an_environment_and_a_pool_restart(program: Program, cmf: Hub) -> None:
    env, app, shared = unique("env"), unique("app"), unique("pool")
    program.up(environment(env) + plain(app) + pool(shared))
    defaults: dict[str, Any] = {"spec": {"flinkConfiguration": {"a.b": "c"}}}
    said = program.preview(environment(env, flink_application_defaults=defaults) + plain(app) + pool(shared))
    assert f"FlinkApplication '{app}' in environment '{env}': JobManager and TaskManagers restart" in said
    assert "(flinkConfiguration.a.b); its state is lost (upgradeMode stateless) [E20]" in said
    mistake: dict[str, Any] = {"spec": {"taskManager": {"resource": {"memory": "lots"}}}}
    said = program.preview(environment(env, flink_application_defaults=mistake) + plain(app) + pool(shared))
    assert f"FlinkApplication '{app}' in environment '{env}': spec" in said
    assert "No operator takes that from these defaults" in said
    bigger: dict[str, Any] = {"image": "confluentinc/cp-flink-sql:1.19-cp8", "flinkVersion": "v1_19"}
    bigger |= {part: {"resource": {"memory": "2048m", "cpu": 1}} for part in ("jobManager", "taskManager")}
    said = program.preview(environment(env) + plain(app) + pool(shared, cluster_spec=bigger))
    assert f"ComputePool '{shared}' in environment '{env}': JobManager and TaskManagers restart" in said
    assert "[P38]" in said
