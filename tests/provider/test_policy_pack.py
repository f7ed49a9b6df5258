"""The policy pack on the real engine, on resources of both fronts."""

import json
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster
from pulumi_cmf_policy.comment.main import main

from tests.provider.lines import application, environment
from tests.provider.program import Program, on_both_fronts
from tests.support.hub import Hub, unique

ROOT = Path(__file__).parents[2]
PACK = str(ROOT / "policy")


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
def test_labels_are_added_and_a_stack_s_state_is_checked(
    program: Program, cmf: Hub, spoke: LocalCluster, tmp_path: Path
) -> None:
    env, cluster = unique("env"), unique("spoke")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(f"{spoke.kubeconfig.read_text()}\n# CANARY\n")
    text = f"cluster = KubernetesCluster({cluster!r}, kubeconfig=open({str(kubeconfig)!r}).read())\n"
    text += environment(env, labels={"team": "a"})[:-2] + ", kubernetes_cluster_name=cluster.name)\n"
    program.write(text)
    options = pack(program, **{"default-labels": {"labels": {"team": "nobody", "cost": "0"}}})
    said = program.run("up", "--yes", "--skip-preview", "--diff", *options)
    assert cmf.get(f"/environments/{env}").json()["metadata"]["labels"] == {"team": "a", "cost": "0"}
    assert program.outputs(env)["labels"] == {"team": "a", "cost": "0"}
    assert program.outputs(cluster)["labels"] == {"team": "nobody", "cost": "0"}
    assert "CANARY" not in said + program.run("stack", "export"), "a secret input is still one"
    assert "unchanged" in program.run("up", "--yes", "--skip-preview", "--expect-no-changes", *options)

    example = json.loads((ROOT / "docs" / "policy.md").read_text().split("```json\n")[1].split("```")[0])
    said = program.run("policy", "analyze", "--stack", "dev", *pack(program, **example), fails=True)
    assert f"Environment '{env}' lacks the labels cost-centre: set them" in said
    assert f"Environment '{env}' fits no pattern of the configured regions: add one" in said
    assert "CANARY" not in said
    program.run("policy", "analyze", "--stack", "dev", *pack(program, **{"required-labels": {"labels": ["team"]}}))


def test_only_a_preview_has_all_policies_before_the_changes(program: Program, cmf: Hub) -> None:
    env = unique("env")
    options = pack(program, **{"environment-region": {"environments": {"other": "eu"}}})
    program.preview(environment(env), *options, fails=True)
    said = program.run("up", "--yes", "--skip-preview", *options, fails=True)
    assert f"Environment '{env}' fits no pattern" in said
    assert cmf.get(f"/environments/{env}").status_code == 200
    other = unique("env")
    options = pack(program, **{"required-labels": {"labels": ["team"]}})
    program.write(environment(env, labels={"team": "a"}) + environment(other))
    program.run("up", "--yes", "--skip-preview", *options, fails=True)
    assert cmf.get(f"/environments/{other}").status_code == 404


@on_both_fronts
def test_a_live_preview_becomes_a_comment(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str], cmf: Hub
) -> None:
    env, app = unique("env"), unique("app")
    program.environment["PULUMI_ENABLE_STREAMING_JSON_PREVIEW"] = "true"
    options = pack(program, **{"default-labels": {"labels": {"team": "a"}, "kinds": ["Environment"]}})
    program.write(environment(env) + application(app))
    file = tmp_path / "preview.json"
    file.write_text(program.said("preview", "--json", *options))
    assert main([str(file)]) == 1
    comment = capsys.readouterr().out
    assert f"FlinkApplication <code>{app}</code> | <code>default-k8s-cluster</code><br><code>{env}</code>" in comment
    assert "policy <code>durable-state</code>" in comment
    assert f"Environment '{env}': changed labels — policy <code>default-labels</code>" in comment
    assert "**Cores +2, memory +2 GiB**" in comment
    file.write_text(program.said("preview", "--json", "--cwd", "/nowhere"))
    assert main([str(file), "--stack", "test/dev"]) == 1
    assert "There is no preview" in capsys.readouterr().out
