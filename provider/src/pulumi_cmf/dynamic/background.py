"""One event loop in one thread a process, and on it one client for each CMF: all workers share connections."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from functools import cache
from typing import Any, TypeVar

import grpc
from cmf_core.client import AsyncClient

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.operations import INTERRUPTED
from pulumi_cmf.lifecycle.settings import Settings

T = TypeVar("T")
_START = threading.Lock()


@cache
def _started() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="pulumi-cmf", daemon=True).start()
    return loop


def run(work: Coroutine[Any, Any, T], context: grpc.ServicerContext | None) -> T:
    """Run a coroutine to its end on the shared loop; if the engine gives the call up, it is cancelled.

    Raises:
        InterruptedError: the engine gave the call up.
    """
    with _START:
        loop = _started()
    try:
        return asyncio.run_coroutine_threadsafe(_cancellable(work, context), loop).result()
    except CancelledError as error:
        raise InterruptedError(INTERRUPTED) from error


async def _cancellable(work: Coroutine[Any, Any, T], context: grpc.ServicerContext | None) -> T:
    """Cancel the task, not the future that a thread waits for: a wait that is given up has an error of its own."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if context is not None and task is not None:
        context.add_callback(lambda: loop.call_soon_threadsafe(task.cancel) and None)
    return await work


@cache
def _hub(settings: Settings) -> Hub:
    return Hub(AsyncClient(settings.client()), settings)


async def hub(settings: Settings) -> Hub:
    """Return the CMF of some settings. Runs on the shared loop, which the client belongs to.

    Raises:
        HubUnreachable: a TLS file cannot be used.
    """
    return _hub(settings)


@cache
def _facts(settings: Settings) -> Facts:
    return Facts(_hub(settings))


async def facts(settings: Settings) -> Facts:
    """Return what this process knows of a CMF. Runs on the shared loop; raises as `hub`."""
    return _facts(settings)
