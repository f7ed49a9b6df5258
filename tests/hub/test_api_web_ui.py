"""The Flink web UIs through the hub: which JobManager, what is passed on, and what is not."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from tests.support.backend import service
from tests.support.flink_rest import JobManager, answering, job_manager
from tests.support.hub import V1, Hub, Spoke, application, message, pool, statement, unique
from tests.support.issuer import Issuer
from tests.support.wait import wait_for


@pytest.fixture
def flink(home: Spoke) -> Iterator[Callable[[str], JobManager]]:
    """Start JobManagers, each behind the service of a FlinkDeployment."""
    with ExitStack() as running:

        def start(deployment: str, service_port: int = 8081) -> JobManager:
            started = running.enter_context(job_manager())
            name = f"{deployment}-rest"
            running.enter_context(service(home.cluster, name, started.port, service_port=service_port))
            return started

        yield start


def made(hub: Hub, environment: str, body: dict[str, Any]) -> str:
    """Create a resource, and return its path."""
    plural = {"ComputePool": "compute-pools", "FlinkApplication": "applications", "Statement": "statements"}
    where = f"{environment}/{plural[str(body['kind'])]}"
    answer = hub.post(where, body)
    assert answer.status_code in (200, 201), answer.text
    return f"{where}/{answer.json()['metadata']['name']}"


def running_pool(hub: Hub, environment: str, **fields: Any) -> str:
    path = made(hub, environment, pool(unique("pool"), **fields))
    hub.until(path, "status.phase", "RUNNING")
    return path


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


@pytest.fixture
def ui(hub: Hub, environment: str, flink: Callable[[str], JobManager]) -> tuple[str, JobManager]:
    """Path of an application's web UI, and its JobManager."""
    path = made(hub, environment, application(unique("app")))
    return f"{path}/flink-web-ui", flink(name_of(path))


@pytest.mark.rule("E41")
def test_an_applications_requests_go_to_its_job_manager(hub: Hub, ui: tuple[str, JobManager]) -> None:
    path, _ = ui
    seen = hub.get(f"{path}/jobs/overview", params={"get": "a b&c"}).json()
    assert (seen["method"], seen["path"]) == ("GET", "/jobs/overview?get=a+b%26c")


@pytest.mark.rule("P55", "P58", "P05")
def test_a_shared_pool_and_its_statements_lead_to_the_session_cluster(
    hub: Hub, environment: str, flink: Callable[[str], JobManager]
) -> None:
    shared = running_pool(hub, environment)
    session = flink(name_of(shared))
    on_it = made(hub, environment, statement(unique("sql"), name_of(shared)))
    for path in (shared, on_it):
        assert hub.get(f"{path}/flink-web-ui/overview").status_code == 200
    assert session.requests == ["GET /overview"] * 2


@pytest.mark.rule("P04")
def test_a_statement_on_a_dedicated_pool_has_its_own_job_manager(
    hub: Hub, environment: str, flink: Callable[[str], JobManager]
) -> None:
    dedicated = made(hub, environment, pool(unique("pool"), "DEDICATED"))
    on_it = made(hub, environment, statement(unique("sql"), name_of(dedicated)))
    own = flink(name_of(on_it))
    assert hub.get(f"{on_it}/flink-web-ui/overview").status_code == 200
    assert own.requests == ["GET /overview"]


@pytest.mark.rule("P55")
def test_a_dedicated_pool_has_no_web_ui(hub: Hub, environment: str) -> None:
    dedicated = made(hub, environment, pool(unique("pool"), "DEDICATED"))
    answer = hub.get(f"{dedicated}/flink-web-ui/")
    assert answer.status_code == 400
    assert "is DEDICATED: it has no Flink web UI" in message(answer)


@pytest.mark.rule("P57")
def test_a_pool_that_is_not_running_has_none(hub: Hub, environment: str) -> None:
    suspended = made(hub, environment, pool(unique("pool"), state="SUSPENDED"))
    answer = hub.get(f"{suspended}/flink-web-ui/")
    assert answer.status_code == 409
    assert "its Flink web UI is there while it is RUNNING" in message(answer)


def test_the_port_is_the_configurations(hub: Hub, environment: str, flink: Callable[..., JobManager]) -> None:
    body: dict[str, Any] = application(unique("app"))
    body["spec"]["flinkConfiguration"]["rest.port"] = "9099"
    path = made(hub, environment, body)
    flink(name_of(path), 9099)
    assert hub.get(f"{path}/flink-web-ui/config").status_code == 200


def test_what_does_not_exist_has_none(hub: Hub, environment: str) -> None:
    for path in (f"{environment}/applications/nope", "/environments/nope/applications/nope"):
        answer = hub.get(f"{path}/flink-web-ui/")
        assert answer.status_code == 404
        assert "does not exist" in message(answer)


def test_a_job_manager_that_is_not_there_is_503(hub: Hub, environment: str) -> None:
    path = made(hub, environment, application(unique("app")))
    answer = hub.get(f"{path}/flink-web-ui/")
    assert answer.status_code == 503
    assert f"service '{name_of(path)}-rest' port 8081 in namespace 'flink'" in message(answer)


@pytest.mark.parametrize("query", ["", "?a=b%20c"])
def test_the_bare_path_redirects_so_that_relative_links_work(hub: Hub, ui: tuple[str, JobManager], query: str) -> None:
    path, flink = ui
    answer = hub.get(path + query, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (308, f"flink-web-ui/{query}")
    assert hub.get(path + query, follow_redirects=True).json()["path"] == f"/{query}"
    assert len(flink.requests) == 1


def test_answers_pass_through_untouched(hub: Hub, ui: tuple[str, JobManager]) -> None:
    path, flink = ui
    packed = gzip.compress(b"x" * 5000)

    async def behave(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/css", "ETag": '"1"', "Cache-Control": "max-age=9"}
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304, headers={"ETag": '"1"'})
        if request.headers.get("Range"):
            return web.Response(status=206, body=b"34", headers={"Content-Range": "bytes 3-4/10"})
        return web.Response(body=packed, headers=headers)

    flink.behaviour = behave
    with hub.http.stream("GET", f"{V1}{path}/styles.css") as answer:
        assert b"".join(answer.iter_raw()) == packed
        assert answer.headers["content-type"] == "text/css"
        assert answer.headers["cache-control"] == "max-age=9"
        assert answer.headers["content-length"] == str(len(packed))
    assert hub.get(f"{path}/x", headers={"If-None-Match": '"1"'}).status_code == 304
    part = hub.get(f"{path}/x", headers={"Range": "bytes=3-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"34", "bytes 3-4/10")
    head = hub.http.head(f"{V1}{path}/styles.css")
    assert (head.status_code, head.content) == (200, b"")
    assert flink.requests[-1].startswith("HEAD ")


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_errors_of_flink_are_passed_on(hub: Hub, ui: tuple[str, JobManager], status: int) -> None:
    path, flink = ui
    flink.behaviour = answering('{"errors":["Job x not found"]}', status, content_type="application/json")
    answer = hub.get(f"{path}/jobs/x")
    assert (answer.status_code, answer.json()) == (status, {"errors": ["Job x not found"]})


def test_only_harmless_headers_pass_in_either_direction(hub: Hub, ui: tuple[str, JobManager]) -> None:
    path, flink = ui
    sent = {
        "Authorization": "Bearer mine",
        "Cookie": "session=1",
        "Impersonate-User": "system:admin",
        "Impersonate-Group": "system:masters",
        "X-Remote-User": "admin",
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "Proxy-Authorization": "x",
        "TE": "trailers",
        "Accept": "application/vnd.kubernetes.protobuf",
    }
    seen = {name.lower() for name in hub.get(f"{path}/x", headers=sent).json()["headers"]}
    assert not seen & {"authorization", "cookie", "impersonate-user", "impersonate-group", "x-remote-user", "te"}
    assert "1.2.3.4" not in hub.get(f"{path}/x", headers=sent).text
    flink.behaviour = answering(
        "x", Set_Cookie="a=b", Access_Control_Allow_Origin="*", X_Evil="1", Service_Worker_Allowed="/"
    )
    answer = hub.get(f"{path}/x")
    assert set(answer.headers) <= {
        "content-type", "content-length", "date", "x-request-id", "cache-control", "x-content-type-options", "vary",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/jobs/1?a=b", "jobs/1?a=b"),
        ("http://evil.example/x", None),
        ("//evil.example/x", None),
        ("/../../secrets", None),
        ("/a%2f..%2fb", "b"),  # the API server has taken that path already
        ("javascript:alert(1)", None),
    ],
)
def test_redirects_stay_inside(hub: Hub, ui: tuple[str, JobManager], location: str, seen: str | None) -> None:
    path, flink = ui
    flink.behaviour = answering("", 302, Location=location)
    answer = hub.get(f"{path}/x", follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers.get("location") == (f"{V1}{path}/{seen}" if seen else None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/jars/upload"),
        ("POST", "/jars/1_a.jar/run"),
        ("PATCH", "/jobs/1?mode=cancel"),
        ("DELETE", "/cluster"),
        ("PUT", "/jobs/1/resource-requirements"),
        ("OPTIONS", "/"),
        ("GET", "/jobs/1/yarn-cancel"),
        ("GET", "/v1/jobs/1/yarn-stop"),
        ("GET", "/jobs/1/%79arn-stop"),
        ("HEAD", "/jars/1_a.jar/plan"),
    ],
)
def test_nothing_that_changes_something_is_passed_on_by_default(
    hub: Hub, ui: tuple[str, JobManager], method: str, path: str
) -> None:
    root, flink = ui
    answer = hub.http.request(method, f"{V1}{root}{path}", content=b"x" if method == "POST" else None)
    assert answer.status_code == 403
    assert method == "HEAD" or "Flink web UIs are read-only here" in message(answer)
    assert flink.requests == []


def test_the_setting_lets_everything_pass(own_hub: Callable[..., Hub], flink: Callable[[str], JobManager]) -> None:
    hub = own_hub(CMF_FLINK_WEB_UI="full")
    path = made(hub, hub.environment("flink"), application(unique("app")))
    flink(name_of(path))
    upload = f"{V1}{path}/flink-web-ui/jars/upload"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        seen = hub.http.request(method, upload, content=b"jar").json()
        assert (seen["method"], seen["path"], seen["body"]) == (method, "/jars/upload", "jar")
    assert hub.http.post(upload, content=iter([b"a", b"b"])).json()["body"] == "ab"


def test_the_setting_switches_web_uis_off(own_hub: Callable[..., Hub]) -> None:
    hub = own_hub(CMF_FLINK_WEB_UI="off")
    path = made(hub, hub.environment("flink"), application(unique("app")))
    answer = hub.get(f"{path}/flink-web-ui/")
    assert answer.status_code == 404
    assert "CMF_FLINK_WEB_UI" in message(answer)


@pytest.mark.rule("C33")
def test_a_disconnected_cluster_is_503(own_hub: Callable[..., Hub], spoke: Spoke) -> None:
    hub = own_hub()
    path = made(hub, hub.environment("flink", "spoke"), application(unique("app")))
    spoke.cluster.stop()
    try:
        hub.connected("spoke", "DISCONNECTED")
        answer = hub.get(f"{path}/flink-web-ui/")
        assert answer.status_code == 503
        assert "'spoke' is DISCONNECTED" in message(answer)
    finally:
        spoke.cluster.start()
        hub.connected("spoke")


def test_the_number_of_requests_on_a_cluster_is_bounded(
    own_hub: Callable[..., Hub], flink: Callable[[str], JobManager]
) -> None:
    hub = own_hub(CMF_FLINK_WEB_UI_STREAMS="1")
    path = made(hub, hub.environment("flink"), application(unique("app")))
    behind = flink(name_of(path))
    behind.behaviour = endless
    with hub.http.stream("GET", f"{V1}{path}/flink-web-ui/log") as first:
        assert first.status_code == 200
        chunks = first.iter_raw()  # httpx closes the connection of an iterator that nobody holds
        next(chunks)
        answer = hub.get(f"{path}/flink-web-ui/")
        assert (answer.status_code, answer.headers.get("retry-after")) == (429, "1"), answer.text
        assert "CMF_FLINK_WEB_UI_STREAMS" in message(answer)
    wait_for(lambda: hub.get(f"{path}/flink-web-ui/nope", timeout=1) if behind.open == 0 else None, "a free place")


async def endless(request: web.Request) -> web.StreamResponse:
    if request.path != "/log":  # who asks for something else, and is let in, must not read for ever
        return web.Response(status=404)
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 100_000)


@pytest.mark.rule("P56")
def test_only_who_may_access_web_uis_sees_them(
    own_hub: Callable[..., Hub], flink: Callable[[str], JobManager], tmp_path: Path
) -> None:
    issuer, bindings, keys = Issuer(), tmp_path / "bindings.yaml", tmp_path / "keys.json"
    keys.write_text(json.dumps(issuer.key_set()))
    everything = [{"resourceType": f"Flink{kind}", "name": "*"} for kind in ("Application", "Statement", "ComputePool")]
    roles: list[dict[str, Any]] = [
        {"principal": "User:developer", "role": "DeveloperManage", "flinkEnvironment": "*", "resources": everything},
        {"principal": "User:cluster-admin", "role": "ClusterAdmin"},
    ]
    bindings.write_text(yaml.safe_dump({"roleBindings": roles}))
    hub = own_hub(
        wait=(),
        CMF_AUTHENTICATION_TYPE="oauth",
        CMF_AUTHENTICATION_OAUTHBEARER_JWKS_ENDPOINT_URL=keys.as_uri(),
        CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_ISSUER=issuer.name,
        CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_AUDIENCE="cmf",
        CMF_AUTHORIZATION_TYPE="file",
        CMF_AUTHORIZATION_ROLE_BINDINGS_FILE=str(bindings),
        CMF_SUPER_USERS="User:root",
    )

    def become(user: str) -> None:
        hub.http.headers["Authorization"] = f"Bearer {issuer.token(user)}"

    become("root")
    hub.connected("default-k8s-cluster")
    environment = hub.environment("flink")
    shared = running_pool(hub, environment)
    dedicated = made(hub, environment, pool(unique("pool"), "DEDICATED"))
    on_shared = made(hub, environment, statement(unique("sql"), name_of(shared)))
    own = made(hub, environment, statement(unique("sql"), name_of(dedicated)))
    app = made(hub, environment, application(unique("app")))
    behind = {path: flink(name_of(path)) for path in (shared, own, app)}

    def seen(path: str) -> int:
        return hub.get(f"{path}/flink-web-ui/overview").status_code

    everywhere = (app, own, shared, on_shared)
    become("cluster-admin")
    assert [seen(path) for path in everywhere] == [200, 200, 200, 200]
    become("developer")
    assert [seen(path) for path in everywhere] == [200, 200, 403, 403]
    assert seen(f"{environment}/applications/nope") == 404
    become("nobody")
    assert [seen(path) for path in (*everywhere, f"{environment}/applications/nope")] == [403] * 5
    del hub.http.headers["Authorization"]
    assert [seen(path) for path in everywhere] == [401] * 4
    assert [len(flink.requests) for flink in behind.values()] == [2, 2, 2]
