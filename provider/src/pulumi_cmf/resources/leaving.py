"""What a preview deletes, which only the program's process can know: what is in the state and not in the program.

Pulumi calls no provider for a deletion before it carries it out, and hooks before deletions would let a plain
`pulumi destroy` fail. So the first of our resources starts a task in the program's own process: it waits until all
resources are registered, reads the stack's state by `pulumi stack export`, and ends the program with what CMF would
refuse. A transformation that changes nothing tells it of the program's resources; of its outstanding calls Pulumi's SDK
has no public way to know. The same task tells of namespaces that are missing (`namespaces`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pulumi
from cmf_core.client import AsyncClient
from cmf_core.errors import CmfError
from pulumi.runtime import settings as runtime
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.stack import Stack

from pulumi_cmf.lifecycle.deletions import Entry, Foretold, foretell_deletions
from pulumi_cmf.lifecycle.facts import Facts, Planned
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.settings import NAMESPACE, Settings, SettingsError
from pulumi_cmf.resources.namespaces import missing_namespaces

_EXPORT_SECONDS = 60.0
_WATCHED = "_cmf_watched"
_PLUGIN = "::pulumi:providers:cmf::"


def watch() -> None:
    """Let this program's preview tell of deletions at its end; once, however often it is called."""
    root = runtime.get_root_resource()
    if not runtime.is_dry_run() or not isinstance(root, Stack) or hasattr(root, _WATCHED):
        return
    if isinstance(runtime.get_monitor(), MockMonitor):
        return  # a test of a user's program, without engine
    setattr(root, _WATCHED, True)
    made: list[pulumi.ResourceTransformationArgs] = []

    def note(described: pulumi.ResourceTransformationArgs) -> None:
        made.append(described)

    pulumi.runtime.register_stack_transformation(note)
    asyncio.ensure_future(runtime._get_rpc_manager().do_rpc("what CMF will refuse", _tell)(made))  # noqa: RUF006, SLF001


async def _tell(made: Sequence[pulumi.ResourceTransformationArgs]) -> None:
    """Say what is known of this preview's deletions, and of namespaces that are missing.

    Raises:
        pulumi.RunError: CMF would refuse some.
    """
    try:
        settings = Settings.read(lambda key: pulumi.Config(NAMESPACE).get(key.partition(":")[2]), os.environ)
    except SettingsError:
        return  # every resource of ours says so
    if not settings.foretell:
        return
    # Nothing changes the state during a preview: it is read while resources are registered, at no time of its own.
    exporting = asyncio.ensure_future(asyncio.to_thread(_export))
    if not await _registered():
        await asyncio.gather(exporting, return_exceptions=True)
        return  # the preview has failed already
    try:
        told = await _foretold(made, settings, await exporting)
    except (CmfError, OSError, ValueError, subprocess.SubprocessError) as error:
        pulumi.log.warn(
            f"what CMF may refuse to delete, and whether namespaces exist, is not checked beforehand: {error}"
        )
        return
    for line in told.unordered:
        pulumi.log.warn(
            f"{line}. This update deletes that too, and nothing tells Pulumi to do it first: name the one by an "
            "output of the other, or use depends_on"
        )
    if told.refused:
        raise pulumi.RunError("\n".join([*told.refused, "(set CMF_FORETELL=false to try it all the same)"]))


async def _registered() -> bool:
    """Wait until every resource of the program is registered; False if one could not be."""
    manager, me = runtime._get_rpc_manager(), asyncio.current_task()  # noqa: SLF001
    while pending := [call for call in {*manager.rpcs, *runtime.SETTINGS.outputs} - {me} if not call.done()]:
        for call in pending:  # one by one: to wait for all at once takes time for each of them whenever one ends
            if not call.done():
                await asyncio.wait([call])
            if manager.unhandled_exception is not None:
                return False
    return manager.unhandled_exception is None


async def _foretold(
    made: Sequence[pulumi.ResourceTransformationArgs], settings: Settings, exported: dict[str, Any]
) -> Foretold:
    resources: list[Any] = [each.resource for each in made]
    entries = [Entry.of(each) for each in exported.get("deployment", {}).get("resources") or []]
    entries = [entry for entry in entries if not _elsewhere(entry, exported)]
    urns = {resource: str(await resource.urn.future()) for resource in resources}
    remote = {urns[resource] for resource in resources if getattr(resource, "_remote", False)}
    ours = [(resource, resource._front.kind) for resource in resources if hasattr(resource, "_front")]  # noqa: SLF001
    ids = {resource: await resource.id.future() for resource, _ in ours}
    staying = {(kind.name, ids[resource]) for resource, kind in ours if ids[resource]}
    parents = {entry.urn: entry.parent for entry in entries}
    deleted = {
        entry.urn
        for entry in entries
        if entry.kind is not None and entry.key not in staying and not remote & {*_ancestors(entry.urn, parents)}
    }
    creates = any(kind.name == "Environment" and not ids[resource] for resource, kind in ours)
    if not deleted and not creates and not any(entry.pending for entry in entries):
        return Foretold([], [])
    async with AsyncClient(settings.client()) as client:
        facts = Facts(Hub(client, settings))
        environments = {}
        for resource, kind in ours:
            id_ = await _plan(facts, resource, kind, new=not ids[resource])
            elsewhere = resource.get_provider(f"{NAMESPACE}:index:{kind.name}")
            if id_ and kind.name == "Environment" and not ids[resource] and elsewhere is None:
                environments[id_] = resource
        told = await foretell_deletions(facts, entries, deleted)
        return Foretold([*told.refused, *await missing_namespaces(facts, environments, made)], told.unordered)


def _ancestors(urn: str, parents: dict[str, str]) -> Iterator[str]:
    while urn := parents.get(urn, ""):
        yield urn


def _elsewhere(entry: Entry, exported: dict[str, Any]) -> bool:
    """Tell whether a resource is another CMF's than the stack's configuration names: its provider is the program's."""
    providers = {each["urn"]: each.get("provider") or "" for each in exported["deployment"]["resources"]}
    _, ours, name = providers.get(entry.urn, "").partition(_PLUGIN)
    return bool(ours) and not name.startswith("default")


async def _plan(facts: Facts, resource: Any, kind: Kind[Any], *, new: bool) -> str | None:
    """Note what the update makes of a resource of the program, as far as texts tell; return its id, if it is known.

    No secret is looked at.
    """
    inputs: dict[str, Any] = {}
    for name in {*kind.input_names} - {*kind.secret}:
        output = getattr(resource, name, None)
        value = await output.future() if isinstance(output, pulumi.Output) else None
        if isinstance(value, str):
            inputs[name] = value
    id_ = kind.id_of(inputs)
    if id_ is None:
        return None
    changed = new
    if kind.name == "KubernetesCluster" and not new:
        changed = not await resource.state.is_known()  # its registration changes, so its connection may too
    facts.plan(kind.name, id_, Planned(inputs, {} if new else {"name": inputs["name"]}, changed))
    return id_


def _export() -> dict[str, Any]:
    """Return the stack's state; secrets in it stay encrypted.

    Raises:
        OSError, ValueError, subprocess.SubprocessError: it cannot be read.
    """
    command = shutil.which("pulumi")
    if command is None:
        raise FileNotFoundError("there is no `pulumi` on PATH to read the stack's state with")
    stack, organization = pulumi.get_stack(), pulumi.get_organization()
    if organization != "organization":  # what stacks outside of Pulumi's own service have
        stack = f"{organization}/{pulumi.get_project()}/{stack}"
    done = subprocess.run(
        [command, "stack", "export", "--stack", stack, "--non-interactive"],
        capture_output=True, text=True, timeout=_EXPORT_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(f"`pulumi stack export` says: {done.stderr.strip()}")
    state: dict[str, Any] = json.loads(done.stdout)
    return state
