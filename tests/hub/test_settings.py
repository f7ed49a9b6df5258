"""Settings: where they may come from, which source wins, and what is said of those that are wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cmf_hub.settings import Settings, SettingsError, grouped, load

SECRETS = ("database_url", "encryption_keys", "authorization_mds_password")
COMMAND = Path(sys.executable).with_name("cmf-hub")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("CMF_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hub.yaml"


def refusal(file: Path | None = None, **flags: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(file, flags)
    return str(caught.value)


def test_flags_come_before_the_environment_before_the_file_before_defaults(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("port: 1\nmax_page_size: 1\ndefault_page_size: 1\n")
    monkeypatch.setenv("CMF_PORT", "2")
    monkeypatch.setenv("CMF_MAX_PAGE_SIZE", "2")
    loaded = load(file, {"port": "3", "max_body_bytes": None})
    settings = loaded.settings
    values = (settings.port, settings.max_page_size, settings.default_page_size, settings.max_body_bytes)
    assert values == (3, 2, 1, 1024 * 1024)
    origins = {name: origin for name, _, origin in loaded.rows()}
    assert origins["port"] == "--port"
    assert origins["max_page_size"] == "CMF_MAX_PAGE_SIZE"
    assert origins["default_page_size"] == f"default_page_size in {file}"
    assert origins["max_body_bytes"] == "default"


@pytest.mark.parametrize(
    "text",
    [
        "k8s_heartbeat_interval_seconds: 30",
        "k8s: {heartbeat_interval_seconds: 30}",
        "cmf.k8s.heartbeatIntervalSeconds: 30",
        "cmf: {k8s: {heartbeatIntervalSeconds: 30}}",
        "cmf: {k8s.heartbeat-interval-seconds: '30'}",
    ],
)
@pytest.mark.rule("C54")
def test_our_names_and_those_of_cmf_are_understood(file: Path, text: str) -> None:
    file.write_text(text)
    assert load(file).settings.k8s_heartbeat_interval_seconds == 30


def test_an_empty_file_and_keys_without_value_set_nothing(file: Path) -> None:
    for text in ("", "# nothing\n", "port:\n"):
        file.write_text(text)
        assert load(file).settings == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hartbeat: 1", "has the unknown key hartbeat"),
        ("cmf: {k8s: {heartbeatIntervalSecond: 1}}", "did you mean cmf.k8s.heartbeatIntervalSeconds?"),
        ("databse: x.db", "unknown key databse; did you mean database?"),
        ("port: 1\ncmf.server.port: 2", "sets port twice: as port and as cmf.server.port"),
        ("- port", "is not a mapping"),
        ("port: [", "is not valid YAML"),
        ("port: http", "is 'http': input should be a valid integer"),
        ("port: {a: 1}", "is {'a': 1}: input should be a valid integer"),
    ],
)
def test_a_wrong_file_is_refused_in_words_that_name_it(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    message = refusal(file)
    assert said in message
    assert str(file) in message
    assert "\n" not in message


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml").endswith("none.yaml cannot be read: No such file or directory")
    assert refusal(tmp_path).endswith("cannot be read: Is a directory")


@pytest.mark.rule("C57")
def test_settings_that_contradict_each_other_are_named_with_their_sources(file: Path) -> None:
    file.write_text("cmf.k8s.heartbeatIntervalSeconds: 5")
    message = refusal(file, k8s_heartbeat_timeout_seconds="6")
    assert f"is from cmf.k8s.heartbeatIntervalSeconds in {file}" in message
    assert "is from --k8s-heartbeat-timeout-seconds" in message
    assert "k8s_heartbeat_timeout_seconds is from the default" in refusal(file)


def test_wrong_values_are_named_by_flag_or_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMF_PORT", "http")
    message = refusal(max_page_size="0")
    assert "CMF_PORT is 'http': input should be a valid integer" in message
    assert "--max-page-size is '0': input should be greater than or equal to 1" in message


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("CMF_ENCRYPTION_KEYS", "canary")
    printed = output("settings", CMF_ENCRYPTION_KEYS="canary")
    assert "canary" not in printed
    assert "CMF_ENCRYPTION_KEYS" in printed
    file.write_text("encryption_keys: [canary]")
    monkeypatch.delenv("CMF_ENCRYPTION_KEYS")
    message = refusal(file)
    assert "encryption_keys" in message
    assert "canary" not in message


def test_help_shows_every_setting_and_no_flag_for_secrets() -> None:
    text = output("serve", "--help", COLUMNS="200")
    for name, group in grouped():
        assert f"CMF_{name.upper()}" in text or name in SECRETS
        assert (f"--{name.replace('_', '-')} " in text) == (name not in SECRETS)
        assert (group.__doc__ or "").rstrip(".") in text


def test_every_setting_has_a_meaning() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert {name for name, _ in grouped()} == set(Settings.model_fields)


def test_a_file_may_be_named_by_the_environment_and_serves_every_command(file: Path, tmp_path: Path) -> None:
    database = tmp_path / "hub.db"
    file.write_text(f"database: {database}\n")
    assert str(database) in output("settings", CMF_CONFIG=str(file))
    assert output("migrate", "--config", str(file)).startswith(f"{database} has schema")


def output(*arguments: str, **environment: str) -> str:
    result = subprocess.run(
        [COMMAND, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=True
    )
    return result.stdout
