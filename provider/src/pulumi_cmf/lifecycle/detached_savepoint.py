"""DetachedSavepoint: state of a Flink job that belongs to no application any more, for one to start from (E51)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from cmf_core.calls import DETACHED_SAVEPOINTS, Collection
from cmf_core.models import Savepoint
from cmf_core.rules import Verdict, names
from cmf_core.rules.savepoints import durable_path

from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.recorded import RecordedKind
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.types import SavepointFormat


class DetachedSavepointInputs(Labelled):
    """What a user says of a detached savepoint."""

    path: str
    format_type: SavepointFormat | None = None


class DetachedSavepointKind(RecordedKind[DetachedSavepointInputs, Savepoint]):
    """Life cycle of detached savepoints. CMF has no update of them, and its deletion keeps the data."""

    name = "DetachedSavepoint"
    identity = ("name",)
    outputs = ("uid", "state")
    immutable = ("path", "format_type", "labels", "annotations")
    defaults: ClassVar[Mapping[str, Any]] = {"format_type": "CANONICAL"}

    def __init__(self) -> None:
        super().__init__(DetachedSavepointInputs)

    def rules(self, inputs: DetachedSavepointInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rule on names."""
        yield "name", names.resource_name(self.name, inputs.name, minimum=1)
        yield "path", durable_path(inputs.name, inputs.path, required=True)

    def collection(self, place: Mapping[str, Any]) -> Collection[Savepoint]:
        """Return all detached savepoints."""
        return DETACHED_SAVEPOINTS

    def parsed(self, data: dict[str, Any]) -> Savepoint:
        """Return the model of a document."""
        return Savepoint.parse(data)

    def body(self, inputs: DetachedSavepointInputs) -> dict[str, Any]:
        """Return where the data are, and their format."""
        body = {"path": inputs.path, "formatType": inputs.format_type}
        return {key: value for key, value in body.items() if value is not None}

    def present(self, found: Savepoint) -> dict[str, Any]:
        """Return the same of what CMF has."""
        return {"path": found.spec.path, "format_type": found.spec.format_type.value}

    def computed(self, found: Savepoint) -> dict[str, Any]:
        """Return the state."""
        return {"state": found.status.state.value if found.status else None}
