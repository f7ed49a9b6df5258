"""A hub that knows callers by tokens and their rights by a file of role bindings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.hub import Hub
from tests.support.issuer import Issuer


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with issuer.serve():
        yield issuer


@pytest.fixture(scope="session")
def by_token(issuer: Issuer) -> dict[str, str]:
    """Settings of a hub that takes the issuer's tokens."""
    return {
        "CMF_AUTHENTICATION_TYPE": "oauth",
        "CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_ISSUER": issuer.name,
        "CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_AUDIENCE": "cmf",
        "CMF_AUTHENTICATION_OAUTHBEARER_JWKS_ENDPOINT_URL": issuer.url,
        "CMF_SUPER_USERS": "User:super.user;Group:wheel",
        "CMF_SQL_PRODUCTION": "false",
    }


@pytest.fixture
def with_roles(by_token: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Start a hub without clusters, with these role bindings in `roles.yaml` beside it."""
    started: list[Hub] = []

    def start(*bindings: dict[str, Any], **settings: str) -> Hub:
        roles = tmp_path / "roles.yaml"
        roles.write_text(yaml.safe_dump({"roleBindings": list(bindings)}))
        file = {"CMF_AUTHORIZATION_TYPE": "file", "CMF_AUTHORIZATION_ROLE_BINDINGS_FILE": str(roles)}
        hub = Hub(tmp_path / "hub", {**by_token, **file, **settings})
        hub.start()
        started.append(hub)
        return hub

    yield start
    for hub in started:
        hub.stop()
