"""Tokens of the client: from a file, and from an issuer."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from cmf_core import calls
from cmf_core.client import AsyncClient, Client, ClientSettings
from cmf_core.credentials import ClientCredentials
from cmf_core.errors import CmfError, Unauthorized

URL = "http://cmf.test"
CREDENTIALS = ClientCredentials("http://issuer.test/token", "pulumi", "canary-secret", "cmf")
CALL = calls.ENVIRONMENTS.page()


class World:
    """A CMF that takes the newest token of an issuer, and that issuer."""

    def __init__(self, expires_in: object = 3600) -> None:
        self.issued = 0
        self.seen: list[str] = []
        self.expires_in = expires_in
        self.token_answer: Callable[[], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        authorization = request.headers.get("Authorization", "")
        if request.url.host == "issuer.test":
            assert httpx.BasicAuth("pulumi", "canary-secret")._auth_header == authorization
            assert parse_qs(request.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["cmf"]}
            if self.token_answer is not None:
                return self.token_answer()
            self.issued += 1
            return httpx.Response(200, json={"access_token": f"token-{self.issued}", "expires_in": self.expires_in})
        self.seen.append(authorization)
        if authorization != f"Bearer token-{self.issued}":
            return httpx.Response(401, json={"errors": [{"message": "no"}]})
        return httpx.Response(200, json={"items": [], "metadata": {"size": 0}})


def client(world: World) -> Client:
    return Client(ClientSettings(URL, credentials=CREDENTIALS), httpx.MockTransport(world))


def test_a_token_is_got_once_and_kept() -> None:
    world = World()
    with client(world) as cmf:
        for _ in range(3):
            cmf.send(CALL)
    assert world.issued == 1
    assert world.seen == ["Bearer token-1"] * 3


def test_the_asynchronous_client_does_the_same() -> None:
    world = World()

    async def run() -> None:
        async with AsyncClient(ClientSettings(URL, credentials=CREDENTIALS), httpx.MockTransport(world)) as cmf:
            await cmf.send(CALL)
            await cmf.send(CALL)

    asyncio.run(run())
    assert world.issued == 1


def test_a_token_that_ends_soon_is_replaced() -> None:
    world = World(expires_in=20)
    with client(world) as cmf:
        cmf.send(CALL)
        cmf.send(CALL)
    assert world.issued == 2


def test_a_token_that_is_refused_is_replaced_once() -> None:
    world = World()
    with client(world) as cmf:
        cmf.send(CALL)
        world.issued = 7  # revoked
        cmf.send(CALL)
        assert world.seen[-2:] == ["Bearer token-1", "Bearer token-8"]
        world.token_answer = lambda: httpx.Response(200, json={"access_token": "wrong", "expires_in": 3600})
        world.issued = 9
        with pytest.raises(Unauthorized):
            cmf.send(CALL)
    assert world.seen[-1] == "Bearer wrong"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(401, json={"error": "invalid_client"}), "it answers 401"),
        (httpx.Response(200, json={"token": "x"}), "without a token"),
        (httpx.Response(200, json=[]), "without a token"),
        (httpx.Response(200, text="<html>"), "without a token"),
        (httpx.Response(302, headers={"Location": "http://evil.test"}), "it answers 302"),
    ],
)
def test_what_an_issuer_refuses_is_told_without_the_secret(answer: httpx.Response, said: str) -> None:
    world = World()
    world.token_answer = lambda: answer
    with client(world) as cmf, pytest.raises(CmfError, match=said) as caught:
        cmf.send(CALL)
    assert "canary" not in f"{caught.value!r}{ClientSettings(URL, credentials=CREDENTIALS)!r}"
    assert world.seen == []


def test_a_file_is_read_for_every_request(tmp_path: Path) -> None:
    world, file = World(), tmp_path / "token"
    world.issued = 1
    file.write_text("token-1\n")
    with Client(ClientSettings(URL, token_file=file), httpx.MockTransport(world)) as cmf:
        cmf.send(CALL)
        world.issued = 2
        file.write_text("token-2")
        cmf.send(CALL)
        file.unlink()
        with pytest.raises(Unauthorized, match="cannot be read"):
            cmf.send(CALL)
    assert world.seen == ["Bearer token-1", "Bearer token-2"]
