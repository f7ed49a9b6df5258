"""Inputs that kinds share, and how wrong ones are told to the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from cmf_core.rules import Refusal
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pulumi_cmf.lifecycle.unknowns import Path, touches

Seconds = Annotated[float, Field(gt=0, le=86400)]


class Timeouts(BaseModel):
    """Seconds that an operation on a resource may take, waits included."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    create: Seconds | None = None
    update: Seconds | None = None
    delete: Seconds | None = None


class Inputs(BaseModel):
    """What a user says of a resource. Names are those of the Python classes, in snake_case."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    name: str
    timeouts: Timeouts | None = None


class Labelled(Inputs):
    """Inputs with labels and annotations."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


@dataclass(frozen=True)
class Failure:
    """An input that cannot be.

    Attributes:
        property: the input, in snake_case, with dots into nested ones.
        reason: what is wrong and what to do, with the rule's id where there is one.
    """

    property: str
    reason: str


def refused(property_: str, refusal: Refusal) -> Failure:
    """Return the failure of an input that breaks a rule."""
    return Failure(property_, f"{refusal.message} [{refusal.rule}]")


def failures_of(error: ValidationError, unknown: Iterable[Path], rule_ids: Mapping[str, str]) -> list[Failure]:
    """Return what pydantic found, less what only a value that is not known yet makes it say."""
    paths = list(unknown)
    failures: dict[str, Failure] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path = tuple(part for part in detail["loc"] if not (isinstance(part, str) and part.endswith("]")))
        if any(touches(path, other) for other in paths):
            continue
        name = ".".join(str(part) for part in path)
        rule_id = rule_ids.get(str(path[0])) if path else None
        reason = _reason(detail) + (f" [{rule_id}]" if rule_id else "")
        failures.setdefault(name, Failure(name, reason))
    return list(failures.values())


def _reason(detail: Any) -> str:
    match detail["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not an input of this resource"
        case "value_error":
            return str(detail["ctx"]["error"])
    return str(detail["msg"][0].lower() + detail["msg"][1:])
