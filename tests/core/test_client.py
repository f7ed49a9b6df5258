"""The client repeats only what cannot do harm, and turns answers into models or errors."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cmf_core import calls
from cmf_core.client import AsyncClient, Client, ClientSettings
from cmf_core.errors import ClusterUnavailable, Conflict, HubUnreachable, NotFound, ServerError
from cmf_core.models import ComputePool, Environment, FlinkApplication

SETTINGS = ClientSettings("http://cmf.test", token="canary-token")
ENVIRONMENT = Environment.parse({"name": "prod", "kubernetesNamespace": "flink"})
Answers = Callable[[httpx.Request], httpx.Response]


def client(answer: Answers, settings: ClientSettings = SETTINGS) -> Client:
    return Client(settings, httpx.MockTransport(answer))


def answering(*responses: httpx.Response | Exception) -> tuple[Answers, list[httpx.Request]]:
    seen: list[httpx.Request] = []
    left = list(responses)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        response = left.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    return answer, seen


def test_get_returns_the_model_and_sends_the_token() -> None:
    answer, seen = answering(httpx.Response(200, json=ENVIRONMENT.wire()))
    with client(answer) as cmf:
        assert cmf.send(calls.ENVIRONMENTS.get("prod")) == ENVIRONMENT
    assert seen[0].url.path == "/cmf/api/v1/environments/prod"
    assert seen[0].headers["Authorization"] == "Bearer canary-token"


def test_the_token_is_not_in_the_settings_text() -> None:
    assert "canary" not in repr(SETTINGS)


def test_names_are_quoted_in_paths() -> None:
    assert calls.statements("a/b").get("../x").path == "/cmf/api/v1/environments/a%2Fb/statements/..%2Fx"


def test_instances_and_events_are_below_their_application() -> None:
    assert calls.instances("a/b", "app").get("1").path == "/cmf/api/v1/environments/a%2Fb/applications/app/instances/1"
    event = {
        "apiVersion": "cmf.confluent.io/v1alpha1",
        "kind": "FlinkApplicationEvent",
        "metadata": {"name": "1", "flinkApplicationInstance": "2"},
        "status": {"type": "JOB_STATUS", "message": "changed", "data": {"newStatus": "RUNNING"}},
    }
    exception = {**event, "status": {"type": "JOB_EXCEPTION", "data": {"exceptionString": "no"}}}
    answer, seen = answering(httpx.Response(200, json={"items": [event, exception]}))
    with client(answer) as cmf:
        found = cmf.send(calls.events("prod", "app").page(filter="type=JOB_STATUS")).items
    assert seen[0].url.path == "/cmf/api/v1alpha1/environments/prod/applications/app/events"
    assert seen[0].url.params["filter"] == "type=JOB_STATUS"
    assert [each.wire() for each in found] == [event, exception]


def test_savepoints_are_below_what_they_are_of() -> None:
    assert calls.application_savepoints("prod", "a/b").get("sp").path.endswith("/prod/applications/a%2Fb/savepoints/sp")
    assert calls.statement_savepoints("prod", "stmt").path.endswith("/prod/statements/stmt/savepoints")
    assert calls.detach("prod", "app1", "sp").path.endswith("/prod/applications/app1/savepoints/sp/detach")
    assert calls.DETACHED_SAVEPOINTS.get("sp").path == "/cmf/api/v1/detached-savepoints/sp"


def test_an_application_starts_from_a_savepoint_by_its_uid() -> None:
    application = FlinkApplication.parse({"metadata": {"name": "app1"}, "spec": {}})
    answer, seen = answering(*(httpx.Response(200, json=application.wire()) for _ in range(2)))
    with client(answer) as cmf:
        cmf.send(calls.start("prod", "app1", "uid-1"))
        cmf.send(calls.start("prod", "app1"))
    assert [str(request.url.query, "ascii") for request in seen] == ["startFromSavepointUid=uid-1", ""]


def test_yaml_answers_are_read() -> None:
    response = httpx.Response(
        200, text="name: prod\nkubernetesNamespace: flink\n", headers={"Content-Type": "application/yaml"}
    )
    answer, _ = answering(response)
    with client(answer) as cmf:
        assert cmf.send(calls.ENVIRONMENTS.get("prod")) == ENVIRONMENT


def test_an_empty_put_answer_is_none() -> None:
    answer, _ = answering(httpx.Response(200))
    pool = ComputePool.parse({"metadata": {"name": "pool"}, "spec": {"type": "SHARED", "clusterSpec": {"image": "i"}}})
    with client(answer) as cmf:
        assert cmf.send(calls.compute_pools("prod").put("pool", pool)) is None


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (409, Conflict), (503, ClusterUnavailable)])
def test_the_servers_words_reach_the_caller(status: int, error: type[Exception]) -> None:
    answer, _ = answering(httpx.Response(status, json={"errors": [{"message": "spoke-1 is DISCONNECTED"}]}))
    with client(answer) as cmf, pytest.raises(error, match="spoke-1 is DISCONNECTED"):
        cmf.send(calls.ENVIRONMENTS.post(ENVIRONMENT))


def test_an_error_without_words_names_request_and_status() -> None:
    answer, _ = answering(httpx.Response(502, text="<html>bad gateway"))
    with client(answer) as cmf, pytest.raises(Exception, match="GET /cmf/api/v1/environments/prod answered 502"):
        cmf.send(calls.ENVIRONMENTS.get("prod"))


def test_a_page_that_is_not_of_a_cmf_is_said() -> None:
    answer, _ = answering(httpx.Response(200, text="<html>hello"))
    with client(answer) as cmf, pytest.raises(ServerError, match="is this address a CMF"):
        cmf.send(calls.ENVIRONMENTS.get("prod"))


def test_get_is_repeated_after_a_connection_failure() -> None:
    answer, seen = answering(httpx.ConnectError("refused"), httpx.Response(200, json=ENVIRONMENT.wire()))
    with client(answer) as cmf:
        cmf.send(calls.ENVIRONMENTS.get("prod"))
    assert len(seen) == 2


APPLICATION = FlinkApplication.parse({"metadata": {"name": "orders"}, "spec": {}})
LOST = httpx.RemoteProtocolError("disconnected")


@pytest.mark.parametrize(
    ("call", "failure"),
    [
        (calls.ENVIRONMENTS.post(ENVIRONMENT), httpx.ConnectError("refused")),
        (calls.ENVIRONMENTS.upsert(ENVIRONMENT), LOST),
        (calls.applications("prod").put("orders", APPLICATION), LOST),
        (calls.ENVIRONMENTS.delete("prod"), LOST),
    ],
)
def test_a_write_is_repeated_that_did_not_arrive_or_may_arrive_twice(
    call: calls.Call[object], failure: httpx.TransportError
) -> None:
    answer, seen = answering(failure, httpx.Response(204))
    with client(answer, replace(SETTINGS, attempts=2)) as cmf:
        cmf.send(replace(call, parse=lambda _: None))
    assert len(seen) == 2


def test_a_server_that_has_answered_is_given_time_to_restart() -> None:
    there = httpx.Response(200, json=ENVIRONMENT.wire())
    answer, seen = answering(there, LOST, httpx.ConnectError("refused"), httpx.ConnectError("refused"), there)
    with client(answer, replace(SETTINGS, attempts=1)) as cmf:
        cmf.send(calls.ENVIRONMENTS.get("prod"))
        cmf.send(calls.ENVIRONMENTS.get("prod"))
    assert len(seen) == 5


def test_whether_a_write_arrived_can_be_asked_of_a_server_that_restarts() -> None:
    there, refused = httpx.Response(200, json=ENVIRONMENT.wire()), httpx.ConnectError("refused")
    answer, seen = answering(there, LOST, refused, refused, there)
    with client(answer, replace(SETTINGS, attempts=1)) as cmf:
        cmf.send(calls.ENVIRONMENTS.get("prod"))
        with pytest.raises(HubUnreachable):
            cmf.send(calls.ENVIRONMENTS.post(ENVIRONMENT))
        assert cmf.send(calls.ENVIRONMENTS.get("prod")) == ENVIRONMENT
    assert len(seen) == 5


def test_a_server_that_stays_away_is_waited_for_once() -> None:
    refused = httpx.ConnectError("refused")
    answer, seen = answering(httpx.Response(200, json=ENVIRONMENT.wire()), refused, refused, refused)
    with client(answer, replace(SETTINGS, attempts=1, patience=0.5)) as cmf:
        cmf.send(calls.ENVIRONMENTS.get("prod"))
        for times in (3, 4):
            with pytest.raises(HubUnreachable):
                cmf.send(calls.ENVIRONMENTS.get("prod"))
            assert len(seen) == times


@pytest.mark.parametrize(
    ("call", "failure"),
    [
        (calls.ENVIRONMENTS.post(ENVIRONMENT), LOST),
        (calls.ENVIRONMENTS.post(ENVIRONMENT), httpx.ReadTimeout("slow")),
        (calls.ENVIRONMENTS.upsert(ENVIRONMENT), httpx.ReadTimeout("slow")),
    ],
)
def test_a_write_that_may_have_created_something_or_takes_too_long_is_not_repeated(
    call: calls.Call[object], failure: httpx.TransportError
) -> None:
    answer, seen = answering(failure)
    with client(answer) as cmf, pytest.raises(HubUnreachable):
        cmf.send(call)
    assert len(seen) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_write_that_the_server_put_off_is_repeated(status: int) -> None:
    later = httpx.Response(status, headers={"Retry-After": "0"}, json={"errors": [{"message": "later"}]})
    answer, seen = answering(later, httpx.Response(200, json=ENVIRONMENT.wire()))
    with client(answer) as cmf:
        assert cmf.send(calls.ENVIRONMENTS.post(ENVIRONMENT)) == ENVIRONMENT
    assert len(seen) == 2


def test_a_503_without_retry_after_is_final() -> None:
    answer, seen = answering(httpx.Response(503, json={"errors": [{"message": "down"}]}))
    with client(answer) as cmf, pytest.raises(ClusterUnavailable):
        cmf.send(calls.ENVIRONMENTS.get("prod"))
    assert len(seen) == 1


def test_a_retry_after_that_is_too_long_is_the_callers_to_decide() -> None:
    answer, seen = answering(httpx.Response(503, headers={"Retry-After": "3600"}))
    with client(answer) as cmf, pytest.raises(ClusterUnavailable) as caught:
        cmf.send(calls.ENVIRONMENTS.get("prod"))
    assert (caught.value.retry_after, len(seen)) == (3600.0, 1)


def test_a_list_is_read_to_its_empty_page() -> None:
    pages = [[{"name": "a1-env"}, {"name": "a2-env"}], [{"name": "a3-env"}], []]
    answer, seen = answering(*(httpx.Response(200, json={"items": items}) for items in pages))
    with client(answer) as cmf:
        assert [e.name for e in cmf.list(calls.ENVIRONMENTS, filter="name=a*")] == ["a1-env", "a2-env", "a3-env"]
    assert [r.url.params["page"] for r in seen] == ["0", "1", "2"]
    assert seen[2].url.params["filter"] == "name=a*"


def test_the_asynchronous_client_does_the_same() -> None:
    later = httpx.Response(429, headers={"Retry-After": "0"})
    answer, seen = answering(later, httpx.ConnectError("refused"), httpx.Response(200, json=ENVIRONMENT.wire()))

    async def main() -> Environment:
        async with AsyncClient(SETTINGS, httpx.MockTransport(answer)) as cmf:
            return await cmf.send(calls.ENVIRONMENTS.get("prod"))

    assert asyncio.run(main()) == ENVIRONMENT
    assert len(seen) == 3


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(HubUnreachable, match=r"nowhere\.pem"):
        Client(ClientSettings("https://cmf.test", ca=tmp_path / "nowhere.pem"))
