"""Reads of what CMF has, as functions of the provider: one resource of each kind by its id, and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kind import Kind, Refused
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.spelling import camel


@dataclass(frozen=True)
class Get:
    """Returns one resource by its id.

    Attributes:
        kind: its kind.
    """

    kind: Kind[Any]

    @property
    def token(self) -> str:
        """Name of the function in a schema."""
        return f"cmf:index:get{self.kind.name}"

    async def carry_out(self, hub: Hub, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the resource's properties and `id`.

        Raises:
            Refused: there is no such resource, or the id is not one.
            CmfError: CMF did not answer.
        """
        id_ = given.get("id")
        if not isinstance(id_, str):
            raise Refused(f"{self.token} needs the id: {'/'.join(self.kind.identity).upper()}")
        found = await self.kind.read(hub, id_, {})
        if found is None:
            raise Refused(f"{self.kind.name} '{id_}' does not exist")
        return {"id": found.id, **{camel(name): value for name, value in found.state.items()}}


FUNCTIONS: Final = {function.token: function for function in map(Get, KINDS.values())}
"""All functions, by token."""
