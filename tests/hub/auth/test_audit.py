"""The audit trail: a line for each write and each denial, and nothing in it that a caller could forge."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.hub import V1, Hub, application, secret
from tests.support.issuer import Issuer, bearer
from tests.support.roles import binding
from tests.support.wait import wait_for

Start = Callable[..., Hub]


def lines(file: Path, number: int) -> list[dict[str, Any]]:
    """Return this many lines of the trail, once they are there and no more."""
    wait_for(lambda: file.is_file() and len(file.read_text().splitlines()) >= number, f"{number} lines")
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.rule("E52")
def test_writes_and_denials_have_a_line_each(with_roles: Start, issuer: Issuer, tmp_path: Path) -> None:
    trail = tmp_path / "audit.jsonl"
    hub = with_roles(
        binding("User:alice", "DeveloperManage", FlinkSecret="team-*"), CMF_AUDIT_FILE=str(trail), CMF_LOG_LEVEL="error"
    )
    assert trail.stat().st_mode & 0o777 == 0o600
    alice = {**bearer(issuer.token("alice")), "X-Request-Id": "request-1", "X-Forwarded-For": "6.6.6.6"}
    assert hub.post("/secrets", secret("team-a", {"password": "canary"}), headers=alice).status_code == 200
    assert hub.get("/secrets/team-a", headers=alice).status_code == 200
    assert hub.get("/secrets/other", headers=alice).status_code == 403
    assert hub.delete("/environments/prod/applications/a-b-c?force=true&x=canary", headers=alice).status_code == 403
    assert hub.delete("/secrets/team-b", headers=alice).status_code == 404
    assert hub.get("/secrets").status_code == 401
    assert hub.http.post(f"{V1}/secrets", headers=bearer("canary.canary.canary")).status_code == 401
    written = lines(trail, 6)
    assert [(each["operation"], each["status"], each["verdict"]) for each in written] == [
        ("createSecret", 200, "done"),
        ("getSecret", 403, "denied"),
        ("deleteApplication", 403, "denied"),
        ("deleteSecret", 404, "refused"),
        ("GET", 401, "denied"),
        ("POST", 401, "denied"),
    ]
    first, _, third, *_ = written
    assert first["principal"] == "User:alice"
    assert first["client"] == "127.0.0.1"
    assert first["request_id"] == "request-1"
    assert (first["action"], first["resource_type"], first["name"]) == ("Edit", "FlinkSecret", "team-a")
    assert (third["environment"], third["name"], third["forced"]) == ("prod", "a-b-c", True)
    assert written[-1]["principal"] is None
    assert "canary" not in trail.read_text() + hub.process.log.read_text()


@pytest.mark.rule("E52")
def test_no_caller_can_write_a_line_of_their_own(with_roles: Start, issuer: Issuer, tmp_path: Path) -> None:
    trail = tmp_path / "audit.jsonl"
    hub = with_roles(CMF_AUDIT_FILE=str(trail))
    forged = '{"principal": "User:root"}'
    alice = bearer(issuer.token("alice"))
    for name in (f"a%0a{forged.replace(' ', '%20')}", "a%0d%0ab", "a%1b[31mred", "a%e2%80%a8b", "a%00b"):
        assert hub.http.delete(f"{V1}/secrets/{name}", headers=alice).status_code in (400, 403)
    body = secret(f"a\n{forged}\u2028\x1b[31m")
    assert hub.post("/secrets", body, headers=alice).status_code == 403
    hub.http.request("DELETE", f"{V1}/secrets/x", headers={**alice, "X-Request-Id": "a b"})
    wait_for(lambda: trail.read_bytes().count(b"\n") >= 7, "seven lines")
    written = [json.loads(line) for line in trail.read_bytes().split(b"\n") if line]
    assert len(written) == 7
    assert {each["principal"] for each in written} == {"User:alice"}
    assert b"\x1b" not in trail.read_bytes()


@pytest.mark.rule("E52")
def test_the_trail_survives_that_its_file_is_moved_away(with_roles: Start, issuer: Issuer, tmp_path: Path) -> None:
    trail = tmp_path / "audit.jsonl"
    hub = with_roles(CMF_AUDIT_FILE=str(trail))
    alice = bearer(issuer.token("alice"))
    hub.delete("/secrets/first", headers=alice)
    assert lines(trail, 1)[0]["name"] == "first"
    trail.rename(tmp_path / "audit.1")
    hub.delete("/secrets/second", headers=alice)
    assert [each["name"] for each in lines(trail, 1)] == ["second"]


@pytest.mark.rule("E52")
def test_without_authentication_writes_have_a_line_in_the_log_with_their_cluster(hub: Hub, environment: str) -> None:
    assert hub.post(f"{environment}/applications", application("audited")).status_code == 201

    def found() -> list[dict[str, Any]]:
        log = [json.loads(line) for line in hub.process.log.read_text().splitlines() if '"audited"' in line]
        return [each for each in log if each["logger"] == "cmf_hub.audit"]

    line = wait_for(found, "the line")[0]
    assert (line["principal"], line["cluster"]) == ("User:ANONYMOUS", "default-k8s-cluster")
