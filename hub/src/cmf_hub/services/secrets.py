"""Secrets: their values are kept apart from what clients see of them, and encrypted.

What clients see is a record of kind Secret with a mask for each value; the values are in a second record of
the same name, of a kind that no operation reads or lists. Both change in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from cmf_core.errors import Conflict
from cmf_core.models import Secret, timestamp
from cmf_core.models.secret import MASK
from cmf_core.rules import enforce, names, secrets

from cmf_hub.clock import Clock
from cmf_hub.encryption import Keyring, Undecryptable
from cmf_hub.services.documents import changed, created, regenerated, resource_content
from cmf_hub.services.kinds import MAPPING, SECRET
from cmf_hub.services.writes import existing
from cmf_hub.store import Condition, Key, Query, Record, Store, Transaction

_VALUES = "SecretValues"

log = structlog.get_logger(__name__)


class SecretService:
    """Operations on secrets. They are global: no cluster's state matters."""

    def __init__(self, store: Store, keyring: Keyring, clock: Clock, *, production: bool) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self._production = production

    async def create(self, sent: Secret) -> Record:
        """Create a secret.

        Raises:
            BadRequest: a bad name.
            Conflict: it exists.
            Unprocessable: secrets cannot be stored encrypted, or a value is the mask.
        """
        key = Key(SECRET, "", sent.name)
        self._enforce_storable(sent)
        data = _merged(sent, {})

        def work(transaction: Transaction) -> Record:
            if transaction.get(key) is not None:
                raise Conflict(f"Secret '{key.name}' already exists.")
            record = created(key, _masked(sent, data), self._clock)
            return self._put(transaction, record, data)

        return await self._store.transact(work)

    async def update(self, name: str, sent: Secret) -> Record:
        """Replace data, labels and annotations; without data, and where a value is the mask, values stay.

        Raises:
            NotFound: there is none.
            Unprocessable: secrets cannot be stored encrypted, or a value is the mask of none.
            ServerError: values are to stay, and their key is lost.
        """
        key = Key(SECRET, "", name)
        self._enforce_storable(sent)

        def work(transaction: Transaction) -> Record:
            before = existing(transaction.get(key), key)
            present = self._values(transaction, before, needed=_keeps(sent))
            data = _merged(sent, present or {})
            after = changed(before, _masked(sent, data), self._clock)
            if data == present and after is before:
                return before
            if after is before:  # only values differ, and they are no part of the document
                after = regenerated(replace(before, updated=timestamp(self._clock.now())))
            return self._put(transaction, after, data)

        return await self._store.transact(work)

    async def delete(self, name: str) -> None:
        """Delete a secret that is not mapped.

        Raises:
            NotFound: there is none.
            Conflict: environments have mappings to it.
        """
        key = Key(SECRET, "", name)

        def work(transaction: Transaction) -> None:
            existing(transaction.get(key), key)
            enforce(secrets.deletable(name, _mapped_in(transaction, name)))
            transaction.delete(key)
            transaction.delete(_values_key(name))

        await self._store.transact(work)

    def values(self, name: str) -> dict[str, str]:
        """Return the values of a secret, for use and never for an answer, a log or a status.

        Raises:
            NotFound: there is none.
            Undecryptable: its key is lost.
        """
        stored = existing(self._store.get(_values_key(name)), Key(SECRET, "", name))
        return self._keyring.open(stored.document, stored.uid)

    async def encrypt_anew(self) -> None:
        """Encrypt with the first key what is under another one or in the clear; what cannot be read is logged."""

        def work(transaction: Transaction) -> tuple[int, dict[str, str]]:
            count, unreadable = 0, {}
            for record in transaction.list(_VALUES):
                try:
                    data = self._keyring.open(record.document, record.uid)
                except Undecryptable as error:
                    unreadable[record.name] = str(error)
                    continue
                if not self._keyring.is_current(record.document):
                    transaction.put(replace(record, document=self._keyring.seal(data, record.uid)))
                    count += 1
            return count, unreadable

        count, unreadable = await self._store.transact(work)
        if count:
            log.info("secrets are encrypted with the first key now", count=count)
        for name, reason in unreadable.items():
            log.error("secret cannot be read", secret=name, reason=reason)
        if not self._keyring and self._store.count(Query(_VALUES)) > len(unreadable):
            log.warning("secrets are stored in the clear: set CMF_ENCRYPTION_KEY_FILE and restart")

    def _enforce_storable(self, sent: Secret) -> None:
        enforce(
            names.resource_name(SECRET, sent.name, minimum=1),
            secrets.encrypted(sent.name, production=self._production, keys=len(self._keyring)),
        )

    def _values(self, transaction: Transaction, secret: Record, *, needed: bool) -> dict[str, str] | None:
        """Return the values of a secret; None if they cannot be read and are not needed."""
        stored = existing(transaction.get(_values_key(secret.name)), _values_key(secret.name))
        try:
            return self._keyring.open(stored.document, secret.uid)
        except Undecryptable as error:
            if needed:
                raise Undecryptable(f"Secret '{secret.name}' is {error}") from error
            return None

    def _put(self, transaction: Transaction, record: Record, data: Mapping[str, str]) -> Record:
        sealed = self._keyring.seal(data, record.uid)
        transaction.put(replace(record, key=_values_key(record.name), document=sealed, status=None))
        status = {"version": str(record.generation), "environments": _mapped_in(transaction, record.name)}
        return transaction.put(replace(record, status=status))


def note_environments(transaction: Transaction, *secret_names: str) -> None:
    """Bring the status of secrets up to date after their mappings changed."""
    for name in set(secret_names):
        record = transaction.get(Key(SECRET, "", name))
        if record is not None:
            status = {**(record.status or {}), "environments": _mapped_in(transaction, name)}
            transaction.put(replace(record, status=status))


def _mapped_in(transaction: Transaction, secret: str) -> list[str]:
    mappings = transaction.page(Query(MAPPING, None, (Condition((("spec", "secretName"),), "in", (secret,)),)))
    return sorted({mapping.key.scope for mapping in mappings})


def _values_key(name: str) -> Key:
    return Key(_VALUES, "", name)


def _keeps(sent: Secret) -> bool:
    return sent.spec.data is None or MASK in sent.spec.data.values()


def _merged(sent: Secret, present: Mapping[str, str]) -> dict[str, str]:
    """Return a secret's values after an update."""
    if sent.spec.data is None:
        return dict(present)
    enforce(secrets.unmasked(sent.name, [key for key, value in sent.spec.data.items() if value == MASK], present))
    return {key: present[key] if value == MASK else value for key, value in sent.spec.data.items()}


def _masked(sent: Secret, data: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of a secret as clients see it."""
    return {**resource_content(sent), "spec": {"data": dict.fromkeys(data, MASK)}}
