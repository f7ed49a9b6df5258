"""Encryption of secrets at rest: AES-GCM with keys that can be rotated (`cmf.md` 1.8)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from cmf_core.errors import ServerError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cmf_hub.settings import Settings

_KEY_BYTES = (16, 32)
_NONCE_BYTES = 12
_FILE, _VARIABLE = "CMF_ENCRYPTION_KEY_FILE", "CMF_ENCRYPTION_KEYS"


class BadKeys(ServerError):
    """The settings name keys that cannot be used; the hub does not start."""


class Undecryptable(ServerError):
    """Stored data was encrypted with a key that is not there any more, or was tampered with."""


class Keyring:
    """The keys of one hub: the first encrypts, all decrypt. Safe to use from several threads."""

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        self._keys = {_fingerprint(key): AESGCM(key) for key in keys}
        self._first = next(iter(self._keys), None)

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def of(cls, settings: Settings) -> Keyring:
        """Return the keys that the settings name, those of the file first; there may be none.

        Raises:
            BadKeys: the file cannot be read, or a key is not 16 or 32 bytes in base64.
        """
        keys = []
        if settings.encryption_key_file is not None:
            try:
                text = settings.encryption_key_file.read_text("ascii")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not text"
                raise BadKeys(f"{_FILE} {settings.encryption_key_file} cannot be read: {reason}") from None
            keys += [_key(line, _FILE) for line in text.splitlines() if line.strip()]
            if not keys:
                raise BadKeys(f"{_FILE} {settings.encryption_key_file} holds no key")
        given = settings.encryption_keys
        parts = given.get_secret_value().split(",") if given is not None else []
        return cls([*keys, *(_key(part, _VARIABLE) for part in parts if part.strip())])

    def seal(self, data: Mapping[str, str], owner: str) -> dict[str, Any]:
        """Return data in the form in which it is stored: encrypted, or in the clear if there is no key.

        Args:
            data: what to keep secret.
            owner: uid of the resource that it belongs to; it opens for no other.
        """
        if self._first is None:
            return {"data": dict(data)}
        nonce = os.urandom(_NONCE_BYTES)
        text = json.dumps(data, ensure_ascii=False).encode()
        sealed = self._keys[self._first].encrypt(nonce, text, owner.encode())
        return {"key": self._first, "nonce": _text(nonce), "sealed": _text(sealed)}

    def open(self, stored: Mapping[str, Any], owner: str) -> dict[str, str]:
        """Return the data that `seal` stored.

        Raises:
            Undecryptable: its key is not there, or it is not what was stored for this owner.
        """
        if "data" in stored:
            return dict(stored["data"])
        key = self._keys.get(stored["key"])
        if key is None:
            raise Undecryptable(
                f"encrypted with the key of fingerprint {stored['key']}, which is not among this hub's: add that key "
                f"to {_FILE} or {_VARIABLE} and restart, or send all values again"
            )
        nonce, sealed = (base64.b64decode(stored[field]) for field in ("nonce", "sealed"))
        try:
            data: dict[str, str] = json.loads(key.decrypt(nonce, sealed, owner.encode()))
        except InvalidTag:
            raise Undecryptable("damaged, or moved from another resource: send all values again") from None
        return data

    def is_current(self, stored: Mapping[str, Any]) -> bool:
        """Tell whether data is stored as `seal` would store it now; in the clear is right only without a key."""
        return stored.get("key") == self._first


def _key(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) not in _KEY_BYTES:
        raise BadKeys(
            f"{source} holds a key that is not 16 or 32 bytes in base64: make one with openssl rand -base64 32"
        )
    return key


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"cmf-hub key" + key).hexdigest()[:16]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
