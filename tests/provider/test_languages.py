"""The plugin for other languages: a YAML program that runs, and SDKs for TypeScript and Go that compile."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.provider.program import Program
from tests.support import hub as samples
from tests.support.hub import Hub, unique

SCHEMA = Path(__file__).parents[2] / "provider/src/pulumi_cmf/plugin/schema.json"
LOCKS = Path(__file__).parent / "sdk"
"""go.mod, go.sum and package-lock.json of the SDKs, so that the same versions are compiled against each time."""


@pytest.fixture(scope="module")
def sdk(languages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated SDKs."""
    folder = tmp_path_factory.mktemp("sdk")
    run([languages / "pulumi-sdks", SCHEMA, folder], folder)
    return folder


def run(command: list[str | Path], folder: Path) -> None:
    """Run a command, and show what it says if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("program", ["plugin"], indirect=True)
def test_a_yaml_program_runs(program: Program, cmf: Hub, languages: Path) -> None:
    env, pool = unique("env"), unique("pool")
    resources = {
        "env": {"type": "cmf:Environment", "properties": {"name": env, "kubernetesNamespace": "flink"}},
        "pool": {
            "type": "cmf:ComputePool",
            "properties": {
                "name": pool,
                "environment": "${env.name}",
                "type": "DEDICATED",
                "clusterSpec": samples.pool("x")["spec"]["clusterSpec"],
            },
        },
    }
    read = {"fn::invoke": {"function": "cmf:getComputePool", "arguments": {"id": "${pool.id}"}, "return": "phase"}}
    program.write_yaml(resources, languages, {"phase": "${pool.phase}", "read": read})
    program.run("preview")
    program.run("up", "--yes", "--skip-preview")
    assert json.loads(program.run("stack", "output", "--json")) == {"phase": "DEDICATED", "read": "DEDICATED"}
    assert cmf.get(f"/environments/{env}/compute-pools/{pool}").status_code == 200


@pytest.mark.parametrize("program", ["plugin"], indirect=True)
def test_secrets_of_a_yaml_program_stay_secret(program: Program, cmf: Hub, languages: Path) -> None:
    program.environment["PATH"] = os.pathsep.join((str(languages), program.environment["PATH"]))
    (program.folder / "__main__.py").unlink()

    def options(place: str) -> dict[str, Any]:
        return {"s3.secret-key": f"CANARY-{place}-known", "my.option": {"fn::secret": f"CANARY-{place}-marked"}}

    named = {each: unique(each) for each in ("env", "pool", "secret", "catalog", "database")}
    cluster_spec = samples.pool("x")["spec"]["clusterSpec"]
    connection = {"bootstrap.servers": "kafka:9092", "sasl.jaas.config": "CANARY-jaas"}
    more = {"schema.registry.url": "http://registry:8081", **options("catalog")}
    properties: dict[str, dict[str, Any]] = {
        "Environment": {
            "name": named["env"], "kubernetesNamespace": "flink",
            "flinkApplicationDefaults": {"spec": {"flinkConfiguration": options("defaults")}},
        },
        "ComputePool": {
            "name": named["pool"], "environment": "${Environment.name}", "type": "DEDICATED",
            "clusterSpec": {**cluster_spec, "flinkConfiguration": options("pool")},
        },
        "Secret": {"name": named["secret"], "data": {"password": "CANARY-data"}},
        "KafkaCatalog": {"name": named["catalog"], "srInstance": {"connectionConfig": more}},
        "KafkaDatabase": {
            "name": named["database"], "catalog": "${KafkaCatalog.name}",
            "kafkaCluster": {"connectionConfig": {**connection, **options("database")}},
        },
    }  # fmt: skip
    resources = {kind: {"type": f"cmf:{kind}", "properties": given} for kind, given in properties.items()}
    project = {"name": "test", "runtime": "yaml", "resources": resources}
    text = json.dumps(project, indent=1)
    (program.folder / "Pulumi.yaml").write_text(text.replace("connectionConfig", "connection_config"))
    otherwise = program.run("preview", fails=True)  # Pulumi finds secrets by name, and takes no other name
    assert "Property connection_config does not exist on 'cmf:index:Connection'" in otherwise
    (program.folder / "Pulumi.yaml").write_text(text)
    said = program.run("preview", "--diff") + program.run("up", "--yes", "--skip-preview", "--diff")
    state = program.run("stack", "export")
    said += program.refresh()
    pool = cmf.get(f"/environments/{named['env']}/compute-pools/{named['pool']}").json()
    assert pool["spec"]["clusterSpec"]["flinkConfiguration"]["my.option"] == "CANARY-pool-marked"
    assert program.run("stack", "export", "--show-secrets").count("CANARY") >= 2 * 10
    for text in (said, state, program.run("stack", "export")):
        assert "CANARY" not in text


def test_the_sdk_for_go_compiles(sdk: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    for file in ("go.mod", "go.sum"):
        shutil.copyfile(LOCKS / file, sdk / "go" / file)
    # As the Pulumi CLI is built, whose packages Go then has already.
    run(["go", "build", "-mod=readonly", "-trimpath", "./..."], sdk / "go")


def test_the_sdk_for_typescript_compiles(sdk: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    shutil.copyfile(LOCKS / "package-lock.json", sdk / "nodejs" / "package-lock.json")
    run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], sdk / "nodejs")
    run(["npx", "tsc", "--noEmit", "--project", "."], sdk / "nodejs")
