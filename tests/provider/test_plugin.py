"""What the plugin gives beside the dynamic front: import, outputs at preview, providers, timeouts, other languages."""

import json
from pathlib import Path

import pytest

from tests.provider.lines import application, environment, pool
from tests.provider.program import Program, operations
from tests.support import hub as samples
from tests.support.hub import Hub, unique

pytestmark = pytest.mark.parametrize("program", ["plugin"], indirect=True)


def test_a_preview_knows_outputs_and_every_place_that_changes(program: Program) -> None:
    env, app, other = unique("env"), unique("app"), unique("env")
    text = environment(env, labels={"team": "a", "dots.and/slash": "x"}) + application(app)
    text += f"Environment({other!r}, kubernetes_namespace='flink', labels={{'uid': app.uid, 'job': app.job_state}})\n"
    program.preview(text)
    program.up()
    changed = text.replace("'a'", "'b'").replace(": 2}", ": 4}")
    steps = {step["urn"].rpartition("::")[2]: step for step in program.steps(changed)}
    assert set(steps[env]["detailedDiff"]) == {"labels.team"}
    place = 'spec.flinkConfiguration["taskmanager.numberOfTaskSlots"]'
    assert steps[app]["detailedDiff"] == {place: {"kind": "update", "inputDiff": True}}
    assert set(steps[other]["detailedDiff"]) == {"labels.job"}, (
        "an update keeps the uid, and what the job does may change"
    )


def test_resources_that_are_there_can_be_imported_and_are_then_unchanged(program: Program, cmf: Hub) -> None:
    env = cmf.environment("flink").rpartition("/")[2]
    app = unique("app")
    cmf.post(f"/environments/{env}/applications", samples.application(app)).raise_for_status()
    cmf.until(f"/environments/{env}/applications/{app}", "status.lifecycleState", "STABLE")
    options = ("--yes", "--protect=false", "--generate-code=false")
    program.run("import", "cmf:index:FlinkApplication", "adopted", f"{env}/{app}", *options)
    state = program.resources()["adopted"]
    assert state["inputs"]["name"] == app
    assert state["inputs"]["spec"]["job"]["jarURI"] == samples.application("x")["spec"]["job"]["jarURI"]
    spec = samples.application(app)["spec"]
    program.write(f"FlinkApplication('adopted', environment={env!r}, name={app!r}, spec={spec!r})\n")
    program.run("preview", "--expect-no-changes")
    said = program.run("import", "cmf:index:FlinkApplication", "other", f"{env}/missing", "--yes", fails=True)
    assert "does not exist" in said
    said = program.run("import", "cmf:index:FlinkApplication", "other", "no-id", "--yes", fails=True)
    assert "it is ENVIRONMENT/NAME" in said


def test_a_stack_of_dynamic_resources_moves_without_replacing_anything(program: Program, cmf: Hub) -> None:
    program.run("config", "rm", "cmf:plugin")
    env, app, shared = unique("env"), unique("app"), unique("pool")
    text = environment(env, labels={"team": "a"}) + application(app) + pool(shared)
    program.up(text)
    before = program.resources()
    assert all(one["type"].startswith("pulumi-python:dynamic/cmf:") for one in before.values())
    uids = {name: program.outputs(name).get("uid") for name in before}

    program.use_plugin()
    assert "4 unchanged" in program.up()
    after = program.resources()
    assert {one["type"] for one in after.values()} == {
        "cmf:index:Environment", "cmf:index:FlinkApplication", "cmf:index:ComputePool"
    }  # fmt: skip
    program.up(text.replace(": 2}", ": 3}"))
    assert {name: program.outputs(name).get("uid") for name in after} == uids
    assert "__provider" not in json.dumps(program.resources()[app])
    assert "4 unchanged" in program.refresh()


def test_one_program_manages_two_hubs(program: Program, cmf: Hub, tmp_path: Path) -> None:
    other = Hub(tmp_path / "other", {key: cmf.settings[key] for key in ("CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG",)})
    other.start()
    try:
        other.connected("default-k8s-cluster")
        env = unique("env")
        text = f"other = Provider('other', url={str(other.http.base_url)!r})\n" + environment(env)
        text += f"Environment('elsewhere', name={env!r}, kubernetes_namespace='flink', "
        text += "opts=pulumi.ResourceOptions(provider=other))\n"
        program.up(text)
        assert cmf.get(f"/environments/{env}").status_code == 200
        assert other.get(f"/environments/{env}").status_code == 200
        program.run("destroy", "--yes", "--skip-preview")
        assert other.get(f"/environments/{env}").status_code == 404
    finally:
        other.stop()


def test_the_engine_s_own_timeouts_count(program: Program) -> None:
    env, app = unique("env"), unique("app")
    short = "pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='1ms'))"
    text = environment(env) + application(app)[:-2] + f", opts={short})\n"
    said = program.up(text, fails=True)
    assert "was not STABLE within 0.001 s" in said
    assert "timeouts" not in program.resources()[app]["inputs"]
    assert operations(program.up(environment(env) + application(app)))[app] == "updated"
