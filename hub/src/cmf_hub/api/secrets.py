"""Operations on secrets, and on their mappings in environments."""

from __future__ import annotations

from cmf_core.models import EnvironmentSecretMapping, Secret

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation, Reach
from cmf_hub.api.paths import IN_ENVIRONMENT, V1
from cmf_hub.services.kinds import MAPPING, SECRET
from cmf_hub.store import Key

SECRETS = Listing(SECRET, search={"name": ("name",), "environments": ("status", "environments")})
MAPPINGS = Listing(MAPPING)


async def secrets_page(call: Call) -> Answer:
    """List the secrets, their values masked."""
    request = call.page(SECRETS)
    return Answer(request.answer(call.services.views.page(request.query)))


async def create_secret(call: Call) -> Answer:
    """Create a secret."""
    record = await call.services.secrets.create(call.parsed(Secret))
    return Answer(call.services.views.one(record.key))


async def secret(call: Call) -> Answer:
    """Return a secret, its values masked."""
    return Answer(call.services.views.one(_secret_key(call)))


async def update_secret(call: Call) -> Answer:
    """Update a secret; where a value is the mask, or without data, values stay."""
    key = _secret_key(call)
    await call.services.secrets.update(key.name, call.named(Secret, key.name))
    return Answer(call.services.views.one(key))


async def delete_secret(call: Call) -> Answer:
    """Delete a secret that no environment has a mapping to."""
    await call.services.secrets.delete(call.path["secret"])
    return Answer()


async def mappings_page(call: Call) -> Answer:
    """List the secret mappings of an environment."""
    request = call.page(MAPPINGS, call.path["environment"])
    return Answer(request.answer(call.services.views.page(request.query)))


async def create_mapping(call: Call) -> Answer:
    """Create a secret mapping; its name is the connectionSecretId."""
    record = await call.services.mappings.create(call.path["environment"], call.parsed(EnvironmentSecretMapping))
    return Answer(call.services.views.one(record.key))


async def mapping(call: Call) -> Answer:
    """Return a secret mapping."""
    return Answer(call.services.views.one(_mapping_key(call)))


async def update_mapping(call: Call) -> Answer:
    """Map a connectionSecretId to another secret."""
    key = _mapping_key(call)
    await call.services.mappings.update(key.scope, key.name, call.named(EnvironmentSecretMapping, key.name))
    return Answer(call.services.views.one(key))


async def delete_mapping(call: Call) -> Answer:
    """Delete a secret mapping."""
    key = _mapping_key(call)
    await call.services.mappings.delete(key.scope, key.name)
    return Answer()


def _secret_key(call: Call) -> Key:
    return Key(SECRET, "", call.path["secret"])


def _mapping_key(call: Call) -> Key:
    return Key(MAPPING, call.path["environment"], call.path["mapping"])


_SECRETS = f"{V1}/secrets"
_SECRET = f"{_SECRETS}/{{secret}}"
_MAPPINGS = f"{IN_ENVIRONMENT}/secret-mappings"
_MAPPING = f"{_MAPPINGS}/{{mapping}}"

OPERATIONS = (
    Operation("GET", _SECRETS, secrets_page, (200, 304), id="getSecrets", gives=Secret, listing=SECRETS),
    Operation("POST", _SECRETS, create_secret, (200, 400, 409, 422), id="createSecret", body=Secret, gives=Secret),
    Operation("GET", _SECRET, secret, (200, 404), id="getSecret", gives=Secret),
    Operation("PUT", _SECRET, update_secret, (200, 400, 404, 422), id="updateSecret", body=Secret, gives=Secret),
    Operation("DELETE", _SECRET, delete_secret, (204, 404, 409), id="deleteSecret"),
    Operation(
        "GET",
        _MAPPINGS,
        mappings_page,
        (200, 404),
        id="getEnvironmentSecretMappings",
        gives=EnvironmentSecretMapping,
        listing=MAPPINGS,
    ),
    Operation(
        "POST",
        _MAPPINGS,
        create_mapping,
        (200, 400, 404, 409),
        id="createEnvironmentSecretMapping",
        body=EnvironmentSecretMapping,
        gives=EnvironmentSecretMapping,
        reach=Reach.CONNECTED,
    ),
    Operation("GET", _MAPPING, mapping, (200, 404), id="getEnvironmentSecretMapping", gives=EnvironmentSecretMapping),
    Operation(
        "PUT",
        _MAPPING,
        update_mapping,
        (200, 400, 404),
        id="updateEnvironmentSecretMapping",
        body=EnvironmentSecretMapping,
        gives=EnvironmentSecretMapping,
        reach=Reach.CONNECTED,
    ),
    Operation(
        "DELETE", _MAPPING, delete_mapping, (204, 404), id="deleteEnvironmentSecretMapping", reach=Reach.CONNECTED
    ),
)
