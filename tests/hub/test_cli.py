import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.hub import Hub, Spoke

COMMAND = Path(sys.executable).with_name("cmf-hub")


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CMF_")}
    return subprocess.run(
        [COMMAND, *arguments], env={**inherited, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_version_is_printed() -> None:
    result = run("version")
    assert result.returncode == 0
    assert result.stdout.strip()


@pytest.mark.rule("C57")
@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("CMF_PORT", "http", "CMF_PORT"),
        ("CMF_LOG_LEVEL", "loud", "CMF_LOG_LEVEL"),
        ("CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS", "61", "heartbeatTimeoutSeconds 61 exceeds"),
        ("CMF_DATABASE", "/dev/null/hub.db", "/dev/null/hub.db cannot be opened"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence_that_names_it(
    tmp_path: Path, name: str, value: str, text: str
) -> None:
    result = run("serve", **{"CMF_PORT": "0", "CMF_DATABASE": str(tmp_path / "hub.db"), name: value})
    assert result.returncode == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("cmf-hub: ")]
    assert text in line
    assert "Traceback" not in result.stderr


def test_a_second_hub_on_the_same_database_does_not_start(hub: Hub) -> None:
    result = run("serve", "--port", "0", "--database", hub.settings["CMF_DATABASE"])
    assert result.returncode == 2
    assert "in use by another cmf-hub" in result.stderr


def test_a_port_in_use_stops_the_start(hub: Hub, tmp_path: Path) -> None:
    result = run("serve", "--port", hub.settings["CMF_PORT"], "--database", str(tmp_path / "hub.db"))
    assert result.returncode == 3
    assert "address already in use" in result.stderr


def test_a_hub_without_any_cluster_starts_and_says_what_to_set(own_hub: Callable[..., Hub]) -> None:
    hub = own_hub(CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG="", wait=["spoke"])
    status = hub.get("/kubernetes-clusters/default-k8s-cluster").json()["status"]
    assert status["state"] == "DISCONNECTED"
    assert "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG" in status["message"]


def test_a_kubeconfig_is_checked(home: Spoke, tmp_path: Path) -> None:
    good = run("check-kubeconfig", home.cluster.kubeconfig)
    assert (good.returncode, home.cluster.server in good.stdout) == (0, True)
    bad = tmp_path / "bad"
    bad.write_text("kind: Config\n")
    refused = run("check-kubeconfig", bad)
    assert refused.returncode == 2
    assert "is refused: it has no current-context" in refused.stderr
    assert "cannot be read" in run("check-kubeconfig", tmp_path / "missing").stderr
