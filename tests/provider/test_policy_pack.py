"""The policy pack on the real engine, on resources of both fronts."""

import json
from pathlib import Path

from tests.provider.program import Program, on_both_fronts
from tests.provider.test_engine import application, environment
from tests.support.hub import Hub, unique

PACK = str(Path(__file__).parents[2] / "policy")


def pack(program: Program, **config: object) -> tuple[str, ...]:
    """Return the options that switch the pack on with this configuration."""
    file = program.folder.parent / "policies.json"
    file.write_text(json.dumps(config))
    return "--policy-pack", PACK, "--policy-pack-config", str(file)


@on_both_fronts
def test_a_mandatory_policy_fails_the_preview_with_its_sentence(program: Program) -> None:
    env, app = unique("env"), unique("app")
    text = environment(env) + application(app)
    said = program.preview(text, "--policy-pack", PACK, fails=True)
    assert f"FlinkApplication '{app}': spec has no state.checkpoints.dir in flinkConfiguration" in said
    assert "[E34]" in said
    assert "durable-state" in said
    durable = {"spec": {"flinkConfiguration": {"state.checkpoints.dir": "s3://c"}}}
    text = environment(env, flink_application_defaults=durable) + application(app)
    assert "[E34]" not in program.preview(text, "--policy-pack", PACK)


@on_both_fronts
def test_labels_are_added_and_a_stack_s_state_is_checked(program: Program, cmf: Hub) -> None:
    env = unique("env")
    options = pack(program, **{"default-labels": {"labels": {"team": "nobody", "cost": "0"}}})
    text = environment(env, labels={"team": "a"})
    program.write(text)
    program.run("up", "--yes", "--skip-preview", *options)
    assert cmf.get(f"/environments/{env}").json()["metadata"]["labels"] == {"team": "a", "cost": "0"}
    assert program.outputs(env)["labels"] == {"team": "a", "cost": "0"}
    required = pack(program, **{"required-labels": {"labels": ["owner"]}})
    said = program.run("policy", "analyze", "--stack", "dev", *required, fails=True)
    assert f"Environment '{env}' lacks the labels owner: set them" in said
    program.run("policy", "analyze", "--stack", "dev", *pack(program, **{"required-labels": {"labels": ["team"]}}))
