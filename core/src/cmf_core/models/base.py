"""What all models share: camelCase on the wire, snake_case in Python, nothing unknown is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")

API_VERSION = "cmf.confluent.io/v1"
"""apiVersion of every kind but Environment (flat) and events (v1alpha1)."""


class Model(BaseModel):
    """A part of the CMF API. Fields that this version does not know are kept and sent back as they came."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")

    def wire(self) -> dict[str, Any]:
        """Return the JSON object as CMF writes it: camelCase names, no nulls."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Return the model of a decoded JSON or YAML value; raises `pydantic.ValidationError`."""
        return cls.model_validate(data)


def _number_or_text(value: object) -> object:
    """YAML users write `numberOfTaskSlots: 4`; Flink's configuration is text throughout."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_number_or_text)]
"""A configuration value: text; numbers and booleans are taken as their text."""


class Metadata(Model):
    """Name and bookkeeping of a resource. The hub alone writes uid and timestamps."""

    name: str = ""
    uid: str | None = None
    creation_timestamp: str | None = None
    update_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Resource(Model):
    """A resource with apiVersion, kind, metadata and, in its subclasses, spec and status."""

    api_version: str = API_VERSION
    kind: str = ""
    metadata: Metadata = Field(default_factory=Metadata)

    @property
    def name(self) -> str:
        """Name, unique in its scope."""
        return self.metadata.name


class Page(Model, Generic[T]):
    """One page of a list (`cmf.md` 1.3): `metadata.size` is the total over all pages."""

    items: list[T] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)


def timestamp(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds and `Z`, as CMF writes it (D10)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
