"""The plugin for other languages: a YAML program that runs, and SDKs for TypeScript and Go that compile."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cmf_localfleet import Workspace
from cmf_localfleet.artifacts import ensure_artifact

from tests.provider.program import Program
from tests.support import hub as samples
from tests.support.hub import Hub, unique

SCHEMA = Path(__file__).parents[2] / "provider/src/pulumi_cmf/plugin/schema.json"
LOCKS = Path(__file__).parent / "sdk"
"""go.mod, go.sum and package-lock.json of the SDKs, so that the same versions are compiled against each time."""


@pytest.fixture(scope="module")
def languages() -> Path:
    """The folder of pulumi-language-yaml and pulumi-sdks."""
    return ensure_artifact("pulumi-languages", Workspace.find())


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
    program.environment["PATH"] = os.pathsep.join((str(languages), program.environment["PATH"]))
    env, pool = unique("env"), unique("pool")
    (program.folder / "__main__.py").unlink()
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
    outputs = {"phase": "${pool.phase}", "read": read}
    project = {"name": "test", "runtime": "yaml", "resources": resources, "outputs": outputs}
    (program.folder / "Pulumi.yaml").write_text(json.dumps(project))
    program.run("preview")
    program.run("up", "--yes", "--skip-preview")
    assert json.loads(program.run("stack", "output", "--json")) == {"phase": "DEDICATED", "read": "DEDICATED"}
    assert cmf.get(f"/environments/{env}/compute-pools/{pool}").status_code == 200


def test_the_sdk_for_go_compiles(sdk: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    for file in ("go.mod", "go.sum"):
        shutil.copyfile(LOCKS / file, sdk / "go" / file)
    run(["go", "build", "-mod=readonly", "./..."], sdk / "go")


def test_the_sdk_for_typescript_compiles(sdk: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    shutil.copyfile(LOCKS / "package-lock.json", sdk / "nodejs" / "package-lock.json")
    run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], sdk / "nodejs")
    run(["npx", "tsc", "--noEmit", "--project", "."], sdk / "nodejs")
