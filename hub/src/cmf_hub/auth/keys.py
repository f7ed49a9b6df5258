"""Public keys of an issuer of tokens: a JSON Web Key Set (RFC 7517), or one key in PEM."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, PyJWTError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

_KINDS = {
    "RSA": rsa.RSAPublicKey,
    "EC": ec.EllipticCurvePublicKey,
    "OKP": ed25519.Ed25519PublicKey | ed448.Ed448PublicKey,
}
_LEAST_RSA_BITS = 2048
_MOST_KEYS = 100


@dataclass(frozen=True)
class Key:
    """A key that may have signed a token.

    Attributes:
        key: the public key.
        algorithm: the one algorithm that it is for, or None if it does not say.
    """

    key: PublicKey
    algorithm: str | None = None


class KeySource(Protocol):
    """Where the key of a token is found."""

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of this id, or the only key if the token names none; None if there is none.

        Raises:
            ServiceUnavailable: nobody knows, because the issuer cannot be asked.
        """
        ...


class KeySet:
    """Keys by id."""

    def __init__(self, keys: Iterable[tuple[str | None, Key]] = ()) -> None:
        self._all = list(keys)
        self._by_id = {kid: key for kid, key in self._all if kid is not None}

    def __len__(self) -> int:
        """Number of keys."""
        return len(self._all)

    def get(self, kid: str | None) -> Key | None:
        """Return the key of an id; without an id, the key if there is only one."""
        if kid is not None and self._by_id:
            return self._by_id.get(kid)
        return self._all[0][1] if len(self._all) == 1 else None


class FileKeys:
    """Keys from a file: a key set in JSON, or one public key in PEM. `use` takes a new content in."""

    def __init__(self) -> None:
        self._keys = KeySet()

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of a token."""
        return self._keys.get(kid)

    def use(self, contents: Sequence[bytes]) -> None:
        """Use the keys of a file's content; raises ValueError if there are none."""
        (content,) = contents
        self._keys = pem(content) if content.lstrip().startswith(b"-----BEGIN") else key_set(content)


def pem(content: bytes) -> KeySet:
    """Return the public key of a PEM file.

    Raises:
        ValueError: it holds none, or one that tokens are not verified with.
    """
    key = load_pem_public_key(content)
    if not isinstance(key, PublicKey) or _is_weak(key):
        raise ValueError(f"a public key of type {type(key).__name__} is not used for tokens, or it is too short")
    return KeySet([(None, Key(key))])


def key_set(content: bytes) -> KeySet:
    """Return the keys of a key set that verify signatures. Symmetric keys and keys for encryption are none of them.

    Raises:
        ValueError: it is no key set, or holds no such key.
    """
    try:
        data = json.loads(content)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    entries = data.get("keys") if isinstance(data, dict) else None
    if not isinstance(entries, list) or len(entries) > _MOST_KEYS:
        raise ValueError(f"it is not a JSON Web Key Set of at most {_MOST_KEYS} keys")
    keys = KeySet(found for entry in entries if isinstance(entry, dict) and (found := _key(entry)) is not None)
    if not keys:
        raise ValueError("it holds no public key that verifies signatures")
    return keys


def _key(entry: Mapping[str, Any]) -> tuple[str | None, Key] | None:
    kind = _KINDS.get(str(entry.get("kty")))
    kid, algorithm = entry.get("kid"), entry.get("alg")
    if kind is None or entry.get("use", "sig") != "sig" or not isinstance(kid, str | None):
        return None
    public = {name: value for name, value in entry.items() if name not in ("alg", "d", "key_ops")}
    try:
        key = PyJWK(public).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, kind) or _is_weak(key):
        return None
    return kid, Key(key, algorithm if isinstance(algorithm, str) else None)


def _is_weak(key: object) -> bool:
    return isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS
