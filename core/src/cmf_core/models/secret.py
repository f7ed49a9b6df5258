"""Secret: credentials of connections; EnvironmentSecretMapping: which of them an environment uses (E37)."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from cmf_core.models.base import Model, Resource, Text

MASK = "*****"
"""What stands for each value of a secret in an answer. In an update it means: the value that is there."""

_SEALED = ConfigDict(extra="forbid", hide_input_in_errors=True)
"""Unknown fields are refused, because a misplaced value would be kept and sent back in the clear; errors quote none."""


class SecretSpec(Model):
    """Data of a secret, write-only. None, as in an update without data, keeps what is there."""

    model_config = _SEALED

    data: dict[str, Text] | None = Field(default=None, repr=False)


class SecretStatus(Model):
    """State of a secret: `version` counts its changes from "1" on, `environments` are those with a mapping to it."""

    version: str | None = None
    environments: list[str] | None = None


class Secret(Resource):
    """A secret, global to the hub."""

    model_config = _SEALED

    kind: Literal["Secret"] = "Secret"
    spec: SecretSpec
    status: SecretStatus | None = None


class SecretMappingSpec(Model):
    """The secret that a connectionSecretId stands for in the mapping's environment."""

    secret_name: str = Field(min_length=1)


class EnvironmentSecretMapping(Resource):
    """A mapping; its name is the connectionSecretId."""

    kind: Literal["EnvironmentSecretMapping"] = "EnvironmentSecretMapping"
    spec: SecretMappingSpec
