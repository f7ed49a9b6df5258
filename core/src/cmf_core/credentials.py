"""Bearer tokens of a client: a fixed one, one from a file, or one that an issuer gives for the client's credentials."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cmf_core.errors import ServerError, Unauthorized

_EARLY_SECONDS = 30.0
"""Seconds before its end at which a token is replaced."""


@dataclass(frozen=True)
class ClientCredentials:
    """What an issuer of tokens knows the client by (OAuth 2.0, RFC 6749 section 4.4).

    Attributes:
        token_url: the issuer's token endpoint.
        client_id: name of the client there.
        client_secret: its secret. Never shown in `repr`.
        scope: what to ask for, or "".
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""


class FileToken(httpx.Auth):
    """The token that is in a file at the moment of a request: others renew it there."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token.

        Raises:
            Unauthorized: the file cannot be read.
        """
        try:
            token = self._file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unauthorized(f"The token's file {self._file} cannot be read: {error}") from error
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


class IssuedToken(httpx.Auth):
    """A token that the issuer gives, kept until shortly before its end, and got anew if the server refuses it."""

    requires_response_body = True

    def __init__(self, credentials: ClientCredentials) -> None:
        self._credentials = credentials
        self._token = ""
        self._until = float("-inf")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with a token.

        Raises:
            Unauthorized: the issuer refuses the credentials.
            ServerError: its answer has no token.
        """
        kept = time.monotonic() < self._until
        if not kept:
            self._take((yield self._ask()))
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if kept and answer.status_code == 401:
            self._take((yield self._ask()))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _ask(self) -> httpx.Request:
        form = {"grant_type": "client_credentials"} | (
            {"scope": self._credentials.scope} if self._credentials.scope else {}
        )
        request = httpx.Request("POST", self._credentials.token_url, data=form, headers={"Accept": "application/json"})
        basic = httpx.BasicAuth(self._credentials.client_id, self._credentials.client_secret)
        return next(basic.auth_flow(request))

    def _take(self, answer: httpx.Response) -> None:
        where = self._credentials.token_url
        if not answer.is_success:
            raise Unauthorized(
                f"The issuer {where} gives client '{self._credentials.client_id}' no token: it answers "
                f"{answer.status_code}; check the client's name, secret and scope"
            )
        try:
            given = answer.json()
            token, seconds = given["access_token"], float(given.get("expires_in", 0))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ServerError(f"The issuer {where} answers without a token") from error
        self._token, self._until = str(token), time.monotonic() + seconds - _EARLY_SECONDS
