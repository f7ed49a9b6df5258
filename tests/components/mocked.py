"""Programs under Pulumi's mocks: what they would make, without an engine or a cluster."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pulumi.runtime import mocks
from pulumi_cmf_components.certificates import AuthorityProvider, CertificateProvider

_ISSUERS = {"CertificateAuthority": AuthorityProvider(), "Certificate": CertificateProvider()}


class Made(mocks.Mocks):
    """Takes resources down; certificates are real ones."""

    def __init__(self) -> None:
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        kind = args.typ.rpartition(":")[2]
        self.resources[kind, args.name] = args.inputs
        issuer = _ISSUERS.get(kind)
        return args.name, {**args.inputs, **(issuer.issue(args.inputs) if issuer else {})}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], None]:
        raise NotImplementedError(args.token)


def made_by(program: Callable[[], Any], results: list[Any] | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the inputs of each resource that a program makes, by kind and name; errors of the program are raised."""
    mocked = Made()

    def run() -> None:
        mocks.set_mocks(mocked, project="test", stack="dev", preview=False)
        result = program()
        if results is not None:
            results.append(result)

    loops: list[asyncio.AbstractEventLoop] = []

    def begin() -> None:
        """Give a thread an event loop; Pulumi's mocks would, and leave it open."""
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    def in_thread() -> None:
        begin()
        with ThreadPoolExecutor(8, initializer=begin) as threads:
            loops[0].set_default_executor(threads)
            mocks.test(run)()  # type: ignore[no-untyped-call]

    with ThreadPoolExecutor(1) as thread:  # an event loop of its own, which the other tests do not see
        outcome = thread.submit(in_thread)
    for loop in loops:
        loop.close()
    outcome.result()
    return mocked.resources
