"""Resources that do nothing, as dynamic ones and in a native plugin: what the engine itself needs.

``python -m tests.performance.noop ENGINE`` is that plugin.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2
from pulumi import dynamic
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

NAMESPACE = "noop"


class NoopProvider(dynamic.ResourceProvider):
    """A dynamic provider that keeps what it is told."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Take all inputs."""
        return dynamic.CheckResult(news, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Find no difference."""
        return dynamic.DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Return the inputs."""
        return dynamic.CreateResult(props["name"], props)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the state."""
        return dynamic.ReadResult(id_, props, props)


class Noop(dynamic.Resource, module="noop", name="Noop"):
    """A resource that does nothing."""

    def __init__(self, name: str, inputs: dict[str, Any], *, plugin: bool) -> None:
        if plugin:
            pulumi.CustomResource.__init__(self, f"{NAMESPACE}:index:Noop", name, inputs)
        else:
            super().__init__(NoopProvider(), name, inputs)


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """A native provider that keeps what it is told; names are those of Pulumi's protocol."""

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="0.0.1")

    async def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=True)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        id_ = "" if request.preview else request.urn.rpartition("::")[2]
        return provider_pb2.CreateResponse(id=id_, properties=request.properties)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


async def _serve() -> None:
    server = grpc.aio.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)  # noqa: T201 - how the engine learns the port
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await server.stop(grace=None)


if __name__ == "__main__":
    asyncio.run(_serve())
