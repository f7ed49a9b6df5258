"""What the kinds that CMF keeps and lists have in common: each resource is a document of CMF's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from cmf_core.calls import Collection
from cmf_core.models import Model

from pulumi_cmf.lifecycle.kind import I, Kind
from pulumi_cmf.lifecycle.operations import Found


class KeptKind(Kind[I]):
    """The life cycle of a kind that CMF keeps."""

    searched: ClassVar[tuple[str, ...]] = ()
    """Fields that CMF searches in a list of them, as it spells them."""

    def validate(self, inputs: I) -> None:
        """See that inputs make the document that CMF is sent."""
        self.sent(inputs)

    @abstractmethod
    def sent(self, inputs: I) -> Model:
        """Return the resource that CMF is sent for inputs; raises `pydantic.ValidationError`."""

    @abstractmethod
    def listed_in(self, place: Mapping[str, Any]) -> Collection[Any]:
        """Return where a list of them is in the API, of the inputs that say what they are in."""

    @abstractmethod
    def of_list(self, place: Mapping[str, Any], found: Any) -> Found:
        """Return what a list tells of a resource: the same as `read` without a state."""
