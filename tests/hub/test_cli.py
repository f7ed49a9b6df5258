import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cmf_core.rules.catalogue import catalogue
from cmf_hub.store.schema import NEWEST

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


def test_a_running_hub_is_backed_up_and_a_stopped_one_restored(own_hub: Callable[..., Hub], tmp_path: Path) -> None:
    hub = own_hub()
    database, copy = hub.settings["CMF_DATABASE"], tmp_path / "copy.db"
    kept = hub.environment("flink")
    made = run("backup", copy, "--database", database)
    assert (made.returncode, made.stdout) == (0, f"{database} was copied to {copy}\n")
    lost = hub.environment("flink")
    for arguments in (("restore", copy), ("migrate",)):
        refused = run(*arguments, CMF_DATABASE=database)
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"cmf-hub: The database {database} is in use by another cmf-hub")
    hub.process.stop()
    restored = run("restore", copy, CMF_DATABASE=database)
    assert restored.returncode == 0, restored.stderr
    assert "what it was is in " in restored.stdout
    hub.start()
    assert (hub.get(kept).status_code, hub.get(lost).status_code) == (200, 404)


def test_migrate_says_which_schema_there_is(tmp_path: Path) -> None:
    database = tmp_path / "hub.db"
    assert run("migrate", "--database", database).stdout == f"{database} has schema {NEWEST} now, and had none\n"
    again = run("migrate", CMF_DATABASE=str(database))
    assert again.stdout == f"{database} has schema {NEWEST}, the newest one, already\n"


def test_copies_that_cannot_be_are_refused_in_one_sentence(tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("not a database" * 100)
    for arguments, text in (
        (("backup", tmp_path / "copy"), "There is no database"),
        (("restore", letter), "letter is not a database of cmf-hub"),
    ):
        refused = run(*arguments, CMF_DATABASE=str(tmp_path / "hub.db"))
        assert refused.returncode == 2
        (line,) = refused.stderr.splitlines()
        assert line.startswith("cmf-hub: ")
        assert text in line


def test_every_rule_is_printed_with_what_decides_it_or_why_nothing_does() -> None:
    result = run("rules")
    assert result.returncode == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert list(lines) == list(catalogue())
    assert "[clusters.heartbeat_settings]" in lines["C57"]
    assert lines["P37"].endswith(f"(not the hub's: {catalogue()['P37'].reason})")
    assert all(catalogue()[rule_id].text in line for rule_id, line in lines.items())
