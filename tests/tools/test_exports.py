"""`localfleet env` prints what a POSIX shell takes, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cmf_localfleet import LocalFleetError, Workspace
from cmf_localfleet.exports import as_shell, fleet_exports
from cmf_localfleet.fleet import Fleet
from cmf_localfleet.pulumi import pulumi_directory


def evaluate(text: str) -> dict[str, str]:
    """Return the environment of a shell that started with none and evaluated `text`."""
    result = subprocess.run(
        ["/bin/sh", "-euc", 'eval "$1"; exec /usr/bin/env -0', "sh", text], env={}, capture_output=True, check=True
    )
    assert result.stderr == b""
    pairs = (item.partition("=") for item in result.stdout.decode().split("\0") if item)
    return {name: value for name, _, value in pairs if name not in {"PWD", "SHLVL", "_"}}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with an official distribution's two commands."""
    folder = tmp_path / "official pulumi"
    folder.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def started(checkout: Workspace) -> Workspace:
    """A checkout whose fleet was once started and listens on port 12345."""
    checkout.run.mkdir()
    (checkout.run / "fleet.json").write_text(json.dumps({"hubPort": 12345}))
    return checkout


@pytest.mark.parametrize("value", ["plain", "two words", "it's", 'a "b" $HOME `id` \\', "line\nbreak", ""])
def test_a_shell_gets_the_values_as_they_are(value: str) -> None:
    assert evaluate(as_shell({"PATH": "/usr/bin", "VALUE": value})) == {"PATH": "/usr/bin", "VALUE": value}


def test_it_names_the_hub_the_clusters_and_pulumi(installed: Path, started: Workspace) -> None:
    run = started.run
    values = evaluate(as_shell(fleet_exports(Fleet(run), started)))
    path = values.pop("PATH").split(":")
    assert values == {
        "CMF_URL": "http://127.0.0.1:12345",
        "CMF_KUBECONFIG_DIRECTORY": str(run / "kubeconfigs"),
        "SPOKE_KUBECONFIGS": f"spoke-1={run}/clusters/spoke-1/kubeconfig,spoke-2={run}/clusters/spoke-2/kubeconfig",
        "HUB_KUBECONFIG": f"{run}/clusters/hub-cluster/kubeconfig",
        "PULUMI_BACKEND_URL": f"file://{run}/pulumi",
        "PULUMI_HOME": f"{run}/pulumi-home",
        "PULUMI_CONFIG_PASSPHRASE": "localfleet",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_PYTHON_CMD": sys.executable,
    }
    assert path == [str(Path(sys.executable).parent), str(installed), "/usr/bin", "/bin"]


def test_the_command_prints_exports_and_nothing_else(installed: Path, started: Workspace) -> None:
    environment = {"PATH": f"{installed}:/usr/bin:/bin", "PYTHONPATH": str(started.tools / "localfleet" / "src")}
    command = [sys.executable, "-m", "cmf_localfleet", "env"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert all(line.startswith("export ") for line in result.stdout.splitlines())
    assert evaluate(result.stdout)["CMF_URL"] == "http://127.0.0.1:12345"


def test_a_fleet_that_was_never_started_is_said(checkout: Workspace, installed: Path) -> None:
    with pytest.raises(LocalFleetError, match="start it with `make up`"):
        fleet_exports(Fleet(checkout.run), checkout)


def test_a_proxy_is_kept_away_from_this_machine(
    installed: Path, started: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example")
    values = fleet_exports(Fleet(started.run), started)
    assert values["NO_PROXY"] == values["no_proxy"] == "intranet.example,127.0.0.1,localhost"


def test_an_installed_distribution_is_used_and_not_built(installed: Path, checkout: Workspace) -> None:
    assert pulumi_directory(checkout) == installed
    assert not checkout.cache.exists()


def test_one_without_its_language_host_is_not_used(
    installed: Path, checkout: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed / "pulumi-language-python").unlink()
    monkeypatch.setenv("PATH", str(installed))
    with pytest.raises(LocalFleetError, match="Go is missing"):
        pulumi_directory(checkout)
