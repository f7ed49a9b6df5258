"""The process `pulumi-resource-cmf`, which the engine starts."""

from __future__ import annotations

import asyncio
import signal
import sys
from importlib.metadata import version
from importlib.resources import files

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from pulumi_cmf.collector import settle
from pulumi_cmf.plugin.engine import Engine
from pulumi_cmf.plugin.servicer import Servicer

_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def main() -> None:
    """Serve the engine whose address is the last argument; tell it our port on stdout."""
    settle()
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    try:
        asyncio.run(_serve(addresses[-1] if addresses else ""))
    except KeyboardInterrupt:
        sys.exit(0)


async def _serve(address: str) -> None:
    server = grpc.aio.server(options=_ANY_SIZE)
    schema = files("pulumi_cmf.plugin").joinpath("schema.json").read_text()
    servicer = Servicer(Engine(address), version("pulumi-cmf"), schema)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)  # noqa: T201 - how the engine learns the port
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    await server.stop(grace=None)
    await servicer.close()
