"""What groups of settings are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

PREFIX = "CMF_"
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
"""A path, or None where the text is empty."""


class Group(BaseModel):
    """Settings that belong together; the first line of the docstring is their title."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True, populate_by_name=True)


@dataclass(frozen=True)
class Cmf:
    """Properties of CMF that mean a setting, the usual one first.

    Dots, dashes, underscores and case do not matter in property names, so `cmf.k8s.heartbeatIntervalSeconds` is
    understood for `k8s_heartbeat_interval_seconds` in any case: here they are written as CMF writes them.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Return the flag of a setting."""
    return "--" + name.replace("_", "-")
