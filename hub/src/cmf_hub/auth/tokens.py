"""The principal of an OAuth bearer token (E53): a JSON Web Token that an issuer has signed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import jwt
from cmf_core.errors import Unauthorized

from cmf_hub.auth.keys import Key, KeySource
from cmf_hub.auth.principal import Principal, sound_name

_LONGEST = 16 * 1024
_REMEMBERED = 4096
_REMEMBER_SECONDS = 30.0
_MOST_GROUPS = 1000


class TokenAuthenticator:
    """Knows callers by their bearer tokens.

    Args:
        keys: keys of the issuer.
        issuer: what the token's `iss` must be.
        audience: what must be in its `aud`; "" for any.
        subject: claim with the user's name.
        groups: claim with the names of the user's groups, a list or one text; "" for none.
        algorithms: those that are accepted.
        leeway: seconds that the clocks of issuer and hub may differ.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        subject: str,
        groups: str,
        algorithms: Sequence[str],
        leeway: float,
    ) -> None:
        self._keys = keys
        self._issuer, self._audience = issuer, audience
        self._subject, self._groups = subject, groups
        self._algorithms = frozenset(algorithms)
        self._leeway = leeway
        self._verified: dict[bytes, tuple[Principal, float]] = {}

    challenge = "Bearer"

    async def principal(self, scope: MutableMapping[str, Any]) -> Principal:
        """Return who calls.

        Raises:
            Unauthorized: there is no token, or it does not hold.
            ServiceUnavailable: its issuer's keys cannot be had.
        """
        token = _bearer(scope)
        digest = hashlib.sha256(token).digest()
        known = self._verified.get(digest)
        if known is not None and time.time() < known[1]:
            return known[0]
        claims = await self._claims(token.decode())
        principal = self._named(claims)
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[digest] = (principal, min(float(claims["exp"]) + self._leeway, time.time() + _REMEMBER_SECONDS))
        return principal

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in self._algorithms:
                raise Unauthorized("The bearer token is signed with an algorithm that is not accepted here")
            key = await self._keys.find(kid)
            if key is None or key.algorithm not in (None, algorithm):
                raise Unauthorized("The bearer token is signed with a key that its issuer does not have")
            return self._verify(token, key, algorithm)
        except jwt.ExpiredSignatureError as error:
            raise Unauthorized("The bearer token has expired: get a new one") from error
        except jwt.InvalidSignatureError as error:
            raise Unauthorized("The bearer token's signature is wrong") from error
        except (jwt.InvalidIssuerError, jwt.InvalidAudienceError, jwt.MissingRequiredClaimError) as error:
            raise Unauthorized(
                "The bearer token is not from the issuer, or not for the audience, of this hub"
            ) from error
        except jwt.ImmatureSignatureError as error:
            raise Unauthorized("The bearer token is not valid yet: compare the clocks") from error
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthorized("The bearer token is not one that can be verified") from error

    def _verify(self, token: str, key: Key, algorithm: str) -> Mapping[str, Any]:
        return jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience or None,
            leeway=self._leeway,
            options={"require": ["exp", "iss"], "verify_aud": bool(self._audience), "verify_sub": False},
        )

    def _named(self, claims: Mapping[str, Any]) -> Principal:
        name = sound_name(claims.get(self._subject))
        if name is None:
            raise Unauthorized(f"The bearer token has no name in its claim '{self._subject}'")
        listed = claims.get(self._groups) if self._groups else None
        groups = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
        named = (sound_name(group) for group in groups[:_MOST_GROUPS])
        return Principal(f"User:{name}", frozenset(f"Group:{group}" for group in named if group))


def _bearer(scope: MutableMapping[str, Any]) -> bytes:
    sent = [value for name, value in scope["headers"] if name == b"authorization"]
    if not sent:
        raise Unauthorized("No credentials were given: send an Authorization header with a bearer token")
    if len(sent) > 1:
        raise Unauthorized("There is more than one Authorization header")
    scheme, _, token = sent[0].partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token:
        raise Unauthorized("The Authorization header has no bearer token")
    if len(token) > _LONGEST or not token.isascii():
        raise Unauthorized("The bearer token is too long, or not text")
    return bytes(token)
