"""The plugin's process, called as the engine calls it, and a resource as the engine keeps it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

_SECONDS = 60.0
_AS_THE_ENGINE = [("grpc.max_metadata_size", 16 << 20), ("grpc.absolute_max_metadata_size", 16 << 20)]
"""An init error comes with its state in the trailer: Go's client takes 16 MiB there, Python's 8 KiB."""
_Diff = provider_pb2.DiffResponse


class PluginProcess:
    """A running `pulumi-resource-cmf`, configured."""

    def __init__(self, settings: Mapping[str, str], command: Path | None = None) -> None:
        """Start the command, by default that of this Python's environment."""
        found = command or Path(sys.executable).with_name("pulumi-resource-cmf")
        self.process = subprocess.Popen([str(found)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", _AS_THE_ENGINE)
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.stub.Configure(provider_pb2.ConfigureRequest(args=struct(settings)), timeout=_SECONDS)

    def cancel(self) -> None:
        """Give up what is under way, as the engine does at the first ^C."""
        self.stub.Cancel(empty_pb2.Empty(), timeout=_SECONDS)

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._channel.close()


class Resource:
    """A resource of a stack: what the engine has in its state."""

    def __init__(self, kind: str, inputs: Mapping[str, Any]) -> None:
        self.urn = f"urn:pulumi:dev::test::cmf:index:{kind}::{inputs['name']}"
        self.id = ""
        self.state = struct_pb2.Struct()
        self.unready = False
        self.inputs = inputs

    def up(self, plugin: PluginProcess, inputs: Mapping[str, Any] | None = None) -> None:
        """Create it or update it, as `pulumi up` does.

        Raises:
            grpc.RpcError: it failed; where the provider says what there is, that is recorded.
        """
        self.inputs = self.inputs if inputs is None else inputs
        checked = plugin.stub.Check(
            provider_pb2.CheckRequest(urn=self.urn, olds=self.state, news=struct(self.inputs)), timeout=_SECONDS
        )
        assert not checked.failures, checked.failures
        asked = plain(checked.inputs)
        try:
            if not self.id:
                made = plugin.stub.Create(provider_pb2.CreateRequest(urn=self.urn, properties=asked), timeout=_SECONDS)
                self.id, self.state = made.id, plain(made.properties)
            elif self.differs(plugin) or self.unready:
                request = provider_pb2.UpdateRequest(id=self.id, urn=self.urn, olds=self.state, news=asked)
                self.state = plain(plugin.stub.Update(request, timeout=_SECONDS).properties)
            self.unready = False
        except grpc.RpcError as error:
            self._record(error)
            raise

    def differs(self, plugin: PluginProcess) -> bool:
        """Tell whether an update would do something."""
        request = provider_pb2.DiffRequest(id=self.id, urn=self.urn, olds=self.state, news=struct(self.inputs))
        return bool(plugin.stub.Diff(request, timeout=_SECONDS).changes == _Diff.DIFF_SOME)

    def refresh(self, plugin: PluginProcess) -> None:
        """Read it, if it is in the state."""
        if not self.id:
            return
        request = provider_pb2.ReadRequest(id=self.id, urn=self.urn, properties=self.state)
        read = plugin.stub.Read(request, timeout=_SECONDS)
        self.id, self.state = read.id, plain(read.properties)

    def destroy(self, plugin: PluginProcess) -> None:
        """Delete it, if it is in the state."""
        if not self.id:
            return
        request = provider_pb2.DeleteRequest(id=self.id, urn=self.urn, properties=self.state)
        plugin.stub.Delete(request, timeout=_SECONDS)
        self.id, self.state = "", struct_pb2.Struct()

    def _record(self, error: Any) -> None:
        """Take what an init error says."""
        details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
        if details is None:
            return
        (detail,) = status_pb2.Status.FromString(details).details
        failed = provider_pb2.ErrorResourceInitFailed()
        assert any_pb2.Any.FromString(detail.SerializeToString()).Unpack(failed)
        self.id, self.state, self.unready = failed.id, plain(failed.properties), True


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return plain values as protobuf has them."""
    result = struct_pb2.Struct()
    result.update(values)
    return result


def plain(values: struct_pb2.Struct) -> struct_pb2.Struct:
    """Return properties as the engine sends them to a plugin that takes no secrets."""
    given = {key: rpc.unwrap_rpc_secret(value) for key, value in json_format.MessageToDict(values).items()}
    return struct(given)
