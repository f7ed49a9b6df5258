"""Secrets and their mappings: encryption, order of creation and deletion (E36, E37)."""

from __future__ import annotations

from collections.abc import Collection, Container

from cmf_core.models.secret import MASK
from cmf_core.rules.verdict import Refusal, Verdict, rule


@rule("E36")
def encrypted(secret: str, *, production: bool, keys: int) -> Verdict:
    """Secrets are stored encrypted, unless the hub is set not to be in production."""
    if keys or not production:
        return None
    text = (
        f"Secret '{secret}' cannot be stored: this hub has no encryption key. Set CMF_ENCRYPTION_KEY_FILE or "
        "CMF_ENCRYPTION_KEYS (16 or 32 random bytes in base64) and restart it; for tests only, "
        "CMF_SQL_PRODUCTION=false stores secrets unencrypted"
    )
    return Refusal(422, text, "E36")


@rule("SECRET")
def unmasked(secret: str, masked: Collection[str], present: Container[str]) -> Verdict:
    """The mask of an answer stands for a value that is there already."""
    unknown = sorted(key for key in masked if key not in present)
    if not unknown:
        return None
    text = f"Secret '{secret}': spec.data.{unknown[0]} is the mask '{MASK}', and there is no value yet: send the value"
    return Refusal(422, text, "SECRET")


@rule("E37")
def known_secret(mapping: str, secret: str, *, exists: bool) -> Verdict:
    """A mapping names a secret that exists: first the secret, then its mapping."""
    if exists:
        return None
    text = f"EnvironmentSecretMapping '{mapping}': spec.secretName '{secret}' does not exist: create the Secret first"
    return Refusal(400, text, "E37")


@rule("E37")
def deletable(secret: str, environments: Collection[str]) -> Verdict:
    """A secret is deleted after the mappings to it."""
    if not environments:
        return None
    text = f"Secret '{secret}' is mapped in environments [{', '.join(environments)}]: delete those mappings first"
    return Refusal(409, text, "E37")
