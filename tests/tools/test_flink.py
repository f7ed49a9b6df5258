"""A Flink on this machine runs jobs, and the job that runs SQL."""

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmf_localfleet import FlinkSession, ensure_artifact
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.wait import wait_for


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkSession]:
    with FlinkSession(tmp_path_factory.mktemp("flink"), die_with_parent=True) as session:
        yield session


TABLES = (
    "CREATE TABLE numbers (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '3')",
    "CREATE TABLE nowhere (n INT) WITH ('connector' = 'blackhole')",
)


def encrypted(script: tuple[str, ...], key: bytes) -> str:
    nonce = os.urandom(12)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, "\0".join(script).encode(), None)).decode()


def run(flink: FlinkSession, key: bytes, *arguments: str) -> "subprocess.CompletedProcess[str]":
    file = flink.directory / "key"
    file.write_bytes(base64.b64encode(key))
    command = flink.client("run", "--detached", str(ensure_artifact("sql-runner")), *arguments)
    command.insert(1, f"-Dcmf.statement.key={file}")
    environment = {**os.environ, **flink.client_environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def jobs(flink: FlinkSession) -> dict[str, Any]:
    listed = httpx.get(f"{flink.rest_url}/jobs/overview", trust_env=False).json()["jobs"]
    return {job["name"]: job["state"] for job in listed}


def test_the_runner_makes_tables_and_submits_the_statement(flink: FlinkSession) -> None:
    key = os.urandom(32)
    statement = "INSERT INTO nowhere SELECT n FROM numbers"
    done = run(flink, key, statement, encrypted(TABLES, key))
    assert done.returncode == 0, done.stdout + done.stderr
    name = "insert-into_default_catalog.default_database.nowhere"
    wait_for(lambda: jobs(flink).get(name) == "FINISHED", f"{name} to finish")


def test_the_runner_quotes_nothing_of_a_script_that_fails(flink: FlinkSession) -> None:
    key = os.urandom(32)
    script = (TABLES[0], "CREATE CATALOG c WITH ('type' = 'no-such', 'password' = 'hunter2')")
    failed = run(flink, key, "SELECT 1", encrypted(script, key))
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert "Statement 2 of 2" in said
    assert "hunter2" not in said


def test_the_runner_takes_no_script_under_another_key(flink: FlinkSession, tmp_path: Path) -> None:
    failed = run(flink, os.urandom(32), "SELECT 1", encrypted(TABLES, os.urandom(32)))
    assert failed.returncode != 0
    assert "AEADBadTagException" in failed.stdout + failed.stderr
