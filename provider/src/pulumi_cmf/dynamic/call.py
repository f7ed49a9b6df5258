"""The engine's call that is being served: whom to tell of progress, and how to fail with a plain sentence.

Pulumi gives a dynamic provider's methods neither the resource's URN nor the call, so that progress could be
shown only on the stack, an error only as a traceback, and a resource that was created but is not ready not
at all. The call is on the stack of this thread, in the frame of Pulumi's server; it is looked up there. Where
it is not found (a test, another server) lines go to stderr and errors are raised as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

_LOG_SECONDS = 5.0
_DETAILS_KEY = "grpc-status-details-bin"
_UNKNOWN = 2


@dataclass(frozen=True)
class Call:
    """A call of the engine, or none.

    Attributes:
        urn: URN of the resource; empty if it is not known.
        context: the call's context, or None.
    """

    urn: str
    context: grpc.ServicerContext | None

    def progress(self, line: str) -> None:
        """Show how far the operation is, beside the resource, until the next line."""
        self._log(engine_pb2.INFO, line, ephemeral=True)

    def warn(self, line: str) -> None:
        """Show a line that stays."""
        self._log(engine_pb2.WARNING, line, ephemeral=False)

    def _log(self, severity: Any, line: str, *, ephemeral: bool) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=line, urn=self.urn, ephemeral=ephemeral)
        try:
            if self.context is None:
                raise ConnectionError("no engine")
            _engine(sys.argv[-1]).Log(request, timeout=_LOG_SECONDS)
        except (grpc.RpcError, ConnectionError):
            sys.stderr.write(f"{line}\n")

    def fail(self, message: str, cause: BaseException) -> NoReturn:
        """End the call with a sentence; the resource stays as the engine knows it."""
        self._abort(status_pb2.Status(code=_UNKNOWN, message=message), cause)

    def fail_unready(self, id_: str, state: Mapping[str, Any], reason: str, cause: BaseException) -> NoReturn:
        """End the call with a resource that is there and not ready: the engine records it, and updates it next time."""
        properties = struct_pb2.Struct()
        properties.update(state)
        failed = provider_pb2.ErrorResourceInitFailed(id=id_, properties=properties, reasons=[reason])
        detail = any_pb2.Any()
        detail.Pack(failed)
        self._abort(status_pb2.Status(code=_UNKNOWN, message=reason, details=[detail]), cause)

    def _abort(self, status: Any, cause: BaseException) -> NoReturn:
        if self.context is None:
            raise cause
        context, abort = self.context, self.context.abort
        context.set_trailing_metadata(((_DETAILS_KEY, status.SerializeToString()),))
        # SDKs after 3.259 abort once more, with a traceback for a message; ours stays.
        context.abort = lambda *_: abort(grpc.StatusCode.UNKNOWN, status.message)
        context.abort(grpc.StatusCode.UNKNOWN, status.message)
        raise cause  # abort has raised already, which its type does not say


def current_call() -> Call:
    """Return the call that this thread serves."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to a caller's frame
    while frame is not None:
        context = frame.f_locals.get("context")
        if isinstance(context, grpc.ServicerContext):
            return Call(str(getattr(frame.f_locals.get("request"), "urn", "")), context)
        frame = frame.f_back
    return Call("", None)


@cache
def _engine(address: str) -> Any:
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))
