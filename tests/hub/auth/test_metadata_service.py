"""Rights that a metadata service decides."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hub import Hub, message, secret, statement
from tests.support.issuer import Issuer, bearer
from tests.support.mds import MetadataService
from tests.support.wait import wait_for


def decide(who: str, action: dict[str, Any]) -> bool:
    return who == "User:alice" and action["resourceName"].startswith("team-")


@pytest.fixture
def service() -> Iterator[MetadataService]:
    service = MetadataService(decide)
    with service.serve():
        yield service


@pytest.fixture
def start(service: MetadataService, by_token: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    started: list[Hub] = []

    def run(**settings: str) -> Hub:
        token = tmp_path / "token"
        token.write_text("the-hubs-own\n")
        own = {
            "CMF_AUTHORIZATION_TYPE": "mds",
            "CMF_AUTHORIZATION_MDS_ENDPOINT": service.url,
            "CMF_AUTHORIZATION_MDS_TOKEN_FILE": str(token),
            "CMF_AUTHENTICATION_REQUEST_TIMEOUT_SECONDS": "1",
            **settings,
        }
        hub = Hub(tmp_path / "hub", {**by_token, **own})
        hub.start()
        started.append(hub)
        return hub

    yield run
    for hub in started:
        hub.stop()


@pytest.mark.rule("E54", "E55")
def test_the_service_is_asked_what_a_caller_may_do(
    start: Callable[..., Hub], service: MetadataService, issuer: Issuer
) -> None:
    hub = start()
    admin, alice = bearer(issuer.token("super.user")), bearer(issuer.token("alice"))
    for name in ("team-a", "team-b", "other"):
        assert hub.post("/secrets", secret(name, {"k": "v"}), headers=admin).status_code == 200
    assert service.asked == [], "nobody has to ask about a super user"

    assert hub.get("/secrets/team-a", headers=alice).status_code == 200
    assert hub.get("/secrets/other", headers=alice).status_code == 403
    assert service.authorization == "Bearer the-hubs-own"
    assert service.asked[0] == (
        "User:alice",
        {
            "scope": {"clusters": {"cmf": "CMF-id"}},
            "resourceType": "FlinkSecret",
            "resourceName": "team-a",
            "operation": "View",
        },
    )
    assert hub.post("/environments/prod/statements", statement("team-s", "team-p"), headers=alice).status_code == 404
    assert service.asked[-2][1] == {
        "scope": {"clusters": {"cmf": "CMF-id", "flink-environment": "prod"}},
        "resourceType": "FlinkStatement",
        "resourceName": "team-s",
        "operation": "Edit",
    }

    before = service.requests
    listed = hub.get("/secrets", headers=alice).json()
    assert [item["metadata"]["name"] for item in listed["items"]] == ["team-a", "team-b"]
    assert listed["metadata"]["size"] == 2
    assert service.requests == before + 1, "one question for all that is not known yet"
    hub.get("/secrets", headers=alice)
    hub.get("/secrets/team-b", headers=alice)
    assert service.requests == before + 1, "answers are kept for a moment"
    assert hub.get("/kubernetes-clusters", headers=alice).status_code == 200


@pytest.mark.rule("E54")
def test_a_right_that_is_taken_away_is_gone_after_a_moment(
    start: Callable[..., Hub], service: MetadataService, issuer: Issuer
) -> None:
    hub = start(CMF_AUTHORIZATION_MDS_CACHE_SECONDS="0.2")
    alice = bearer(issuer.token("alice"))
    assert hub.get("/secrets/team-a", headers=alice).status_code == 404
    service.decide = lambda _, __: False
    wait_for(lambda: hub.get("/secrets/team-a", headers=alice).status_code == 403, "the right to be gone")


@pytest.mark.rule("E54")
def test_nothing_is_allowed_while_the_service_does_not_answer(
    start: Callable[..., Hub], service: MetadataService, issuer: Issuer
) -> None:
    hub = start(CMF_AUTHORIZATION_MDS_CACHE_SECONDS="0")
    admin, alice = bearer(issuer.token("super.user")), bearer(issuer.token("alice"))

    def unavailable() -> None:
        for path in ("/secrets/team-a", "/secrets"):
            answer = hub.get(path, headers=alice)
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert "the-hubs-own" not in message(answer)

    assert hub.post("/secrets", secret("team-a", {"k": "v"}), headers=admin).status_code == 200
    for out_of_order in (
        (500, b"[]"), (401, b'["ALLOWED"]'), (200, b"no json"), (200, b"[]"), (200, b'{"a": "ALLOWED"}'),
        (200, b'["ALLOWED", "ALLOWED"]'), (302, b'["ALLOWED"]'), (200, b"[" * 100_000), (200, b'"' + b"x" * 2_000_000),
    ):  # fmt: skip
        service.answer = out_of_order
        unavailable()
    service.answer = (200, b'["allowed"]')
    assert hub.get("/secrets/team-a", headers=alice).status_code == 403
    service.answer = None
    service.hangs.clear()
    unavailable()
    service.hangs.set()
    assert hub.get("/secrets/team-a", headers=alice).status_code == 200
    assert hub.get("/secrets/team-a", headers=admin).status_code == 200
    assert "the-hubs-own" not in hub.process.log.read_text()
