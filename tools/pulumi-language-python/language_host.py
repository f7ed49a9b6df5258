"""A small Pulumi language host for Python, for machines without the official Pulumi distribution.

Pulumi's own host comes with its distribution and in no package registry; where it is on PATH, it is used
instead of this one. This one runs programs, dynamic providers and policy packs in environments that are
installed already: it installs nothing, generates no code and attaches no debugger.

Arguments: the path of ``pulumi-language-python-exec``, Pulumi's script that runs a program in the program's
own interpreter; then the engine's, of which the last is its address. The engine reads the port from the first
line of standard output and talks gRPC (``pulumirpc.LanguageRuntime``). The host ends, and ends everything that
it started, on SIGINT, on SIGTERM, and when the engine is gone.
"""

# ruff: noqa: N802, E402 - the methods have the names of the protocol; the protocol is imported without the SDK

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import distribution, version
from pathlib import Path
from types import ModuleType

import grpc
from google.protobuf.empty_pb2 import Empty

# Only the protocol is used of the SDK, which takes half a second to import, and the engine starts two hosts a command.
_SDK = Path(str(distribution("pulumi").locate_file("pulumi")))
for _name, _folder in (("pulumi", _SDK), ("pulumi.runtime", _SDK / "runtime")):
    sys.modules[_name] = ModuleType(_name)
    sys.modules[_name].__path__ = [str(_folder)]

from pulumi.runtime.proto import language_pb2 as language
from pulumi.runtime.proto import plugin_pb2 as plugin
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeServicer, add_LanguageRuntimeServicer_to_server

# The program runner ends so after it has shown the user what is wrong.
ALREADY_REPORTED = 32

# The engine's own limit: a message may hold all resources of a stack.
MESSAGE_LIMIT = 400 * 1024 * 1024

# Seconds that a child may take to end before it is killed.
GRACE = 5.0


class UnusableEnvironmentError(Exception):
    """The interpreter that the project asks for is not there."""


def interpreter(info: language.ProgramInfo) -> str:
    """Return the Python that runs a program: its virtual environment's, else ``PULUMI_PYTHON_CMD``, else ours.

    Raises:
        UnusableEnvironmentError: ``Pulumi.yaml`` asks for an environment that is not there or for Poetry.
    """
    options = dict(info.options.items())
    toolchain = options.get("toolchain")
    if toolchain == "poetry":
        raise UnusableEnvironmentError(
            "The option toolchain: poetry needs the official Pulumi distribution; name the environment's "
            "folder in the option virtualenv instead."
        )
    folder = options.get("virtualenv") or (".venv" if toolchain == "uv" else None)
    if folder is None:
        return os.environ.get("PULUMI_PYTHON_CMD") or sys.executable
    python = Path(info.root_directory, str(folder), "bin", "python")
    if not python.exists():
        raise UnusableEnvironmentError(
            f"Pulumi.yaml names the virtual environment {folder}, and there is no {python}: create the "
            "environment and install the program's requirements into it."
        )
    return str(python)


@asynccontextmanager
async def child_process(
    command: list[str], directory: str, environment: Mapping[str, str], output: int | None = None
) -> AsyncIterator[Process]:
    """Run ``command`` for the block; what still runs at its end, as when the engine cancels, is ended."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, env={**os.environ, **environment}, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), GRACE)
            except TimeoutError:
                process.kill()
                await process.wait()


class Host(LanguageRuntimeServicer):
    """Answers the engine."""

    def __init__(self, engine: str, runner: Path) -> None:
        self.engine = engine
        self.runner = runner

    async def Handshake(
        self, request: language.LanguageHandshakeRequest, context: grpc.aio.ServicerContext
    ) -> language.LanguageHandshakeResponse:
        """Learn the engine's address, if it was not given as an argument."""
        self.engine = request.engine_address or self.engine
        return language.LanguageHandshakeResponse()

    async def GetPluginInfo(self, request: Empty, context: grpc.aio.ServicerContext) -> plugin.PluginInfo:
        """Return the version of the SDK that this host speaks for."""
        return plugin.PluginInfo(version=version("pulumi"))

    async def About(self, request: language.AboutRequest, context: grpc.aio.ServicerContext) -> language.AboutResponse:
        """Return the interpreter for ``pulumi about``."""
        return language.AboutResponse(executable=sys.executable, version=platform.python_version())

    async def GetRequiredPackages(
        self, request: language.GetRequiredPackagesRequest, context: grpc.aio.ServicerContext
    ) -> language.GetRequiredPackagesResponse:
        """Return nothing: plugins are found on PATH when a resource needs them, none is downloaded before."""
        return language.GetRequiredPackagesResponse()

    async def Run(self, request: language.RunRequest, context: grpc.aio.ServicerContext) -> language.RunResponse:
        """Run a program to its end. What it prints goes to our own output, which the engine shows."""
        try:
            python = interpreter(request.info)
        except UnusableEnvironmentError as error:
            return language.RunResponse(error=str(error))
        arguments = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
            "organization": request.organization,
        }
        options = [part for name, value in arguments.items() if value for part in (f"--{name}", value)]
        environment = {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        command = [python, "-u", str(self.runner), *options, request.info.entry_point, *request.args]
        async with child_process(command, request.info.program_directory, environment) as process:
            status = await process.wait()
        if status == ALREADY_REPORTED:
            return language.RunResponse(bail=True)
        return language.RunResponse(error=f"The program ended with exit code {status}." if status else "")

    async def RunPlugin(
        self, request: language.RunPluginRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[language.RunPluginResponse]:
        """Run a policy pack or a provider written in Python, and pass on what it prints."""
        try:
            python = interpreter(request.info)
        except UnusableEnvironmentError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        source = request.info.program_directory
        if request.kind == "analyzer":
            command, directory = [python, "-u", "-m", "pulumi.policy", *request.args, source], source
        else:
            command, directory = [python, "-u", source, *request.args], request.pwd
        environment = dict(item.split("=", 1) for item in request.env)
        async with child_process(command, directory, environment, PIPE) as process:
            async for response in _output(process):
                yield response
            yield language.RunPluginResponse(exitcode=await process.wait())

    async def Cancel(self, request: Empty, context: grpc.aio.ServicerContext) -> Empty:
        """Acknowledge: the engine goes on to cancel the calls, which ends what they run."""
        return Empty()


async def _output(process: Process) -> AsyncIterator[language.RunPluginResponse]:
    assert process.stdout is not None
    assert process.stderr is not None
    queue: asyncio.Queue[language.RunPluginResponse | None] = asyncio.Queue()

    async def pump(stream: asyncio.StreamReader, response: Callable[[bytes], language.RunPluginResponse]) -> None:
        while chunk := await stream.read(65536):
            await queue.put(response(chunk))
        await queue.put(None)

    pumps = [
        asyncio.create_task(pump(process.stdout, lambda chunk: language.RunPluginResponse(stdout=chunk))),
        asyncio.create_task(pump(process.stderr, lambda chunk: language.RunPluginResponse(stderr=chunk))),
    ]
    try:
        for _ in pumps:
            while (response := await queue.get()) is not None:
                yield response
    finally:
        for task in pumps:
            task.cancel()


async def serve(engine: str, runner: Path) -> None:
    """Serve until a signal, or until the engine that started this process is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.aio.server(options=limits)
    add_LanguageRuntimeServicer_to_server(Host(engine, runner), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), 1.0)
        except TimeoutError:
            continue
    # Cancels the running calls and waits for them to end their children.
    await server.stop(grace=0)


if __name__ == "__main__":
    asyncio.run(serve(engine=sys.argv[-1], runner=Path(sys.argv[1])))
