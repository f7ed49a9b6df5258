"""Secret mappings: which secret an environment uses for a connectionSecretId."""

from __future__ import annotations

from cmf_core.errors import Conflict
from cmf_core.models import EnvironmentSecretMapping
from cmf_core.rules import enforce, names, secrets

from cmf_hub.services.documents import changed, created, resource_content
from cmf_hub.services.kinds import MAPPING, SECRET
from cmf_hub.services.secrets import note_environments
from cmf_hub.services.writes import Writes, environment_of, existing
from cmf_hub.store import Key, Record, Transaction


class MappingService:
    """Operations on the mappings of an environment; like all its resources they need a CONNECTED cluster (C33)."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes

    async def create(self, environment: str, sent: EnvironmentSecretMapping) -> Record:
        """Create a mapping; its name is the connectionSecretId.

        Raises:
            BadRequest: a bad name, or its secret does not exist.
            Conflict: the environment has one of this name.
            NotFound, ClusterUnavailable: its environment is missing, its cluster not CONNECTED.
        """
        key = Key(MAPPING, environment, sent.name)
        enforce(names.resource_name(MAPPING, sent.name, minimum=1))
        self._writes.writable(environment)

        def work(transaction: Transaction) -> Record:
            environment_of(transaction, environment)
            _enforce_secret(transaction, sent)
            if transaction.get(key) is not None:
                raise Conflict(f"{MAPPING} '{key.name}' already exists in environment '{environment}'.")
            record = transaction.put(created(key, resource_content(sent), self._writes.clock))
            note_environments(transaction, sent.spec.secret_name)
            return record

        return await self._writes.store.transact(work)

    async def update(self, environment: str, name: str, sent: EnvironmentSecretMapping) -> Record:
        """Map to another secret, or change labels and annotations.

        Raises:
            BadRequest: its secret does not exist.
            NotFound, ClusterUnavailable: as `create`; NotFound also if there is no such mapping.
        """
        key = Key(MAPPING, environment, name)
        self._writes.writable(environment)

        def work(transaction: Transaction) -> Record:
            environment_of(transaction, environment)
            before = existing(transaction.get(key), key)
            _enforce_secret(transaction, sent)
            after = transaction.put(changed(before, resource_content(sent), self._writes.clock))
            note_environments(transaction, secret_of(before), sent.spec.secret_name)
            return after

        return await self._writes.store.transact(work)

    async def delete(self, environment: str, name: str) -> None:
        """Delete a mapping: the environment no longer sees what uses its connectionSecretId.

        Raises:
            NotFound, ClusterUnavailable: as `update`.
        """
        key = Key(MAPPING, environment, name)
        self._writes.writable(environment)

        def work(transaction: Transaction) -> None:
            environment_of(transaction, environment)
            record = existing(transaction.get(key), key)
            transaction.delete(key)
            note_environments(transaction, secret_of(record))

        await self._writes.store.transact(work)


def remove_mappings(transaction: Transaction, environment: str) -> None:
    """Remove all mappings of an environment that is being deleted."""
    mappings = transaction.list(MAPPING, environment)
    for mapping in mappings:
        transaction.delete(mapping.key)
    note_environments(transaction, *(secret_of(mapping) for mapping in mappings))


def secret_of(mapping: Record) -> str:
    """Return the name of the secret that a mapping names."""
    return str(mapping.spec["secretName"])


def _enforce_secret(transaction: Transaction, sent: EnvironmentSecretMapping) -> None:
    secret = sent.spec.secret_name
    exists = transaction.get(Key(SECRET, "", secret)) is not None
    enforce(secrets.known_secret(sent.name, secret, exists=exists))
