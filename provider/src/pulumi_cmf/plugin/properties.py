"""Properties as the engine sends them, camelCase and protobuf, and as the life cycles take them.

States of the dynamic front are spelled in snake_case; what is not in camelCase is therefore taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from pulumi_cmf.lifecycle.spelling import camel
from pulumi_cmf.lifecycle.unknowns import Path
from pulumi_cmf.plugin.engine import struct
from pulumi_cmf.values import from_pulumi, guarded, to_pulumi


class Names:
    """The properties of one kind, in both spellings."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._ours = {camel(name): name for name in names}

    def take(self, sent: struct_pb2.Struct) -> dict[str, Any]:
        """Return what the engine sent; values that it does not know yet are the life cycles' UNKNOWN."""
        given = from_pulumi(rpc.deserialize_properties(sent, keep_unknowns=True))
        return {self._ours.get(name, name): value for name, value in given.items()}

    def give(self, values: Mapping[str, Any], secret: tuple[str, ...] = ()) -> struct_pb2.Struct:
        """Return values for the engine; `secret` ones and credentials among options are marked as such."""
        told = guarded(to_pulumi(dict(values), rpc.UNKNOWN), secret)
        return struct({camel(name): value for name, value in told.items()})


def spelled(path: Path) -> str:
    """Return a place in the properties as the engine writes it: `clusterSpec.taskManager`, `labels["a.b"]`."""
    text = camel(str(path[0]))
    for part in path[1:]:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if part.isidentifier() else f'["{part}"]'
    return text
