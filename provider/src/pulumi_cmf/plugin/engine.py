"""The engine that a call came from: whom to tell of progress, and how a call ends without success."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf import any_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

_LOG_SECONDS = 5.0
_DETAILS_KEY = "grpc-status-details-bin"
_UNKNOWN = 2


class Context(Protocol):
    """A call, as far as it is used here."""

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        """Send more than code and text with the end of the call."""

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """End the call."""


class Engine:
    """The engine's own server."""

    def __init__(self, address: str) -> None:
        """Talk to the engine at an address; an empty one means that there is none, and lines go to stderr."""
        self._stub: Any = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(address)) if address else None
        self._lines: set[asyncio.Task[None]] = set()

    def progress(self, urn: str, line: str) -> None:
        """Show how far an operation on a resource is, beside it, until the next line."""
        self._say(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=urn, ephemeral=True))

    def warn(self, urn: str, line: str) -> None:
        """Show a line that stays."""
        self._say(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=line, urn=urn))

    async def said(self) -> None:
        """Wait until every line has arrived."""
        await asyncio.gather(*self._lines)

    def _say(self, request: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._send(request))
        self._lines.add(task)
        task.add_done_callback(self._lines.discard)

    async def _send(self, request: Any) -> None:
        try:
            if self._stub is None:
                raise ConnectionError("no engine")
            await self._stub.Log(request, timeout=_LOG_SECONDS)
        except (grpc.RpcError, ConnectionError):
            sys.stderr.write(f"{request.message}\n")


async def fail(context: Context, message: str) -> NoReturn:
    """End a call with a sentence; the resource stays as the engine knows it."""
    await context.abort(grpc.StatusCode.UNKNOWN, message)


async def fail_unready(
    context: Context, id_: str, state: struct_pb2.Struct, inputs: struct_pb2.Struct, why: str
) -> NoReturn:
    """End a call with a resource that is there and not ready: the engine records it, and updates it next time."""
    failed = provider_pb2.ErrorResourceInitFailed(id=id_, properties=state, inputs=inputs, reasons=[why])
    detail = any_pb2.Any()
    detail.Pack(failed)
    status = status_pb2.Status(code=_UNKNOWN, message=why, details=[detail])
    context.set_trailing_metadata(((_DETAILS_KEY, status.SerializeToString()),))
    await context.abort(grpc.StatusCode.UNKNOWN, why)


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return a dictionary of plain values as protobuf has it."""
    result = struct_pb2.Struct()
    result.update(values)
    return result
