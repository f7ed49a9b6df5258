"""The packages as users install them: built into wheels, each in an environment of its own, with what it declares."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from cmf_localfleet import Workspace
from pulumi.runtime.proto import provider_pb2

from tests.provider.plugin_process import PluginProcess

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "core": ["core"],
    "hub": ["core", "hub"],
    "provider": ["core", "provider"],
    "policy": ["core", "policy"],
    "components": ["core", "provider", "components"],
}
"""Each package, with those of ours that it needs."""
COMMANDS = {"hub": ["cmf-hub"], "policy": ["cmf-preview-comment"], "components": ["cmf-size", "cmf-draw"]}

_IMPORT_ALL = """
import importlib, importlib.metadata, pkgutil, re, sys
distribution = importlib.metadata.distribution(sys.argv[1])
optional = {re.split("[^A-Za-z0-9_.-]", each)[0] for each in distribution.requires or () if "extra ==" in each}
package = importlib.import_module(sys.argv[2])
for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in optional:
                raise
"""


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command, and return what it says; show that if it fails."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def uv() -> Path:
    """The uv that installs this workspace."""
    found = shutil.which("uv")
    return Path(found) if found else next(Workspace.find().cache.glob("uv-*/bin/uv"))


@pytest.fixture(scope="session")
def wheels(uv: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of all packages, by folder."""
    made = tmp_path_factory.mktemp("wheels")
    for name in PACKAGES:
        run([uv, "build", "--quiet", "--wheel", "--out-dir", made / name, ROOT / name], made)
    return {name: next((made / name).glob("*.whl")) for name in PACKAGES}


def _environment(name: str, uv: Path, wheels: dict[str, Path], folder: Path) -> Path:
    """Make an environment that has a package and what it declares, and nothing else; return its folder of commands."""
    run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], folder)
    commands = folder / "venv/bin"
    own = [wheels[each] for each in PACKAGES[name]]
    lock: list[str | Path] = ["--constraint", ROOT / "requirements.lock"]
    run([uv, "pip", "install", "--quiet", "--python", commands / "python", *lock, *own], folder)
    return commands


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_has_all_that_it_imports(name: str, uv: Path, wheels: dict[str, Path], tmp_path: Path) -> None:
    commands = _environment(name, uv, wheels, tmp_path)
    distribution = wheels[name].name.partition("-")[0]
    run([commands / "python", "-W", "error", "-c", _IMPORT_ALL, distribution, distribution], tmp_path)
    for command in COMMANDS.get(name, []):
        assert "usage" in run([commands / command, "--help"], tmp_path).lower()


def test_a_wheel_has_every_file_of_its_package(wheels: dict[str, Path]) -> None:
    for name, wheel in wheels.items():
        source = ROOT / name / "src"
        files = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
        packed = set(zipfile.ZipFile(wheel).namelist())
        assert not {each for each in files if not each.endswith(".pyc")} - packed


def test_the_plugin_serves_the_schema_of_its_package(uv: Path, wheels: dict[str, Path], tmp_path: Path) -> None:
    commands = _environment("provider", uv, wheels, tmp_path)
    plugin = PluginProcess({"url": "http://127.0.0.1:1"}, commands / "pulumi-resource-cmf")
    try:
        schema = plugin.stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=60).schema
    finally:
        plugin.end()
    assert schema == (ROOT / "provider/src/pulumi_cmf/plugin/schema.json").read_text()
