"""The engine's calls, answered by the life cycles."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import grpc
from cmf_core.client import AsyncClient
from cmf_core.errors import CmfError
from google.protobuf import empty_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from pydantic import ValidationError

from pulumi_cmf.lifecycle.comparison import differing
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.foretelling import foretell_change, foretell_create, warn_of_lacking
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kind import Kind, unreadable
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.operations import INTERRUPTED, Difference, NotReady, Operation, Refused, State
from pulumi_cmf.lifecycle.reads import READS
from pulumi_cmf.lifecycle.settings import NAMESPACE, Settings, SettingsError
from pulumi_cmf.lifecycle.spelling import camel
from pulumi_cmf.lifecycle.unknowns import UNKNOWN
from pulumi_cmf.lifecycle.waiting import Progress, WaitFailed
from pulumi_cmf.plugin.engine import Context, Engine, fail, fail_unready
from pulumi_cmf.plugin.program import is_python
from pulumi_cmf.plugin.properties import Names, spelled
from pulumi_cmf.values import creation_mark

T = TypeVar("T")
_Diff = provider_pb2.PropertyDiff
_ADD = (_Diff.ADD, _Diff.ADD_REPLACE)
_DELETE = (_Diff.DELETE, _Diff.DELETE_REPLACE)
_UPDATE = (_Diff.UPDATE, _Diff.UPDATE_REPLACE)


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The provider, in a process of its own for each provider resource of a program."""

    def __init__(self, engine: Engine, version: str, schema: str) -> None:
        self._engine = engine
        self._version = version
        self._schema = schema
        self._settings: Settings | SettingsError = SettingsError("the provider was not configured")
        self._facts: Facts | None = None
        self._hub: Hub | None = None
        # A program in Python tells of what is lacking itself, as failures: it knows what comes first.
        self._is_of_python = is_python(Path.cwd())
        self._running: set[asyncio.Task[Any]] = set()
        self._resources = AsyncExitStack()
        self._names = {kind.name: Names((*kind.input_names, *kind.outputs)) for kind in KINDS.values()}

    async def close(self) -> None:
        """End the connections."""
        await self._resources.aclose()

    async def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> empty_pb2.Empty:  # noqa: N802
        """Serve the engine at another address: for a provider that runs in a debugger."""
        self._engine = Engine(request.address)
        return empty_pb2.Empty()

    async def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Return the version."""
        return plugin_pb2.PluginInfo(version=self._version)

    async def GetSchema(  # noqa: N802
        self, request: provider_pb2.GetSchemaRequest, context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """Return the schema."""
        return provider_pb2.GetSchemaResponse(schema=self._schema)

    async def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """Return what is wrong with the provider's settings; those that another resource gives are not known yet."""
        given = rpc.deserialize_properties(request.news, keep_unknowns=True)
        failures = []
        if not any(rpc.contains_unknowns(value) for value in given.values()):
            settings = _read(given)
            if isinstance(settings, SettingsError):
                failures.append(provider_pb2.CheckFailure(reason=str(settings)))
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    async def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:  # noqa: N802
        """Tell whether the settings differ; resources are not replaced by that: CMF may only have moved."""
        changed = rpc.deserialize_properties(request.olds) != rpc.deserialize_properties(request.news)
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind)

    async def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Take the settings; what is wrong with them is told by the first call that needs them."""
        given = rpc.deserialize_properties(request.args, keep_unknowns=True)
        if any(rpc.contains_unknowns(value) for value in given.values()):
            self._settings = SettingsError("the provider's settings are known only when the update runs")
        else:
            self._settings = _read(given)
        if isinstance(self._settings, Settings):
            try:
                client = await self._resources.enter_async_context(AsyncClient(self._settings.client()))
            except CmfError as error:
                await fail(context, str(error))
            self._hub = Hub(client, self._settings)
            self._facts = Facts(self._hub)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    async def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:  # noqa: N802
        """Return the inputs as they are kept, and what is wrong with them."""
        kind, names = await self._of(request.urn, context)
        given = names.take(request.news)
        given.setdefault("name", request.urn.rpartition("::")[2])
        checked = kind.check(given, self._settings if isinstance(self._settings, Settings) else None)
        told = [kind.told(failure, given) for failure in checked.failures]
        if not told and not request.olds.fields:
            mark = creation_mark(request.urn, checked.inputs)
            refusal = await self._foretold(
                request.urn, lambda facts, warn: foretell_create(kind, facts, checked.inputs, mark, warn)
            )
            told += [("", refusal)] if refusal else []
        failures = [provider_pb2.CheckFailure(property=camel(name), reason=reason) for name, reason in told]
        return provider_pb2.CheckResponse(inputs=names.give(checked.inputs, kind.secret), failures=failures)

    async def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:  # noqa: N802
        """Compare the state with the inputs."""
        kind, names = await self._of(request.urn, context)
        olds, news = names.take(request.olds), names.take(request.news)
        difference = kind.diff(olds, news)
        refusal = await self._foretold(
            request.urn, lambda facts, warn: foretell_change(kind, facts, olds, news, difference, warn)
        )
        if refusal:
            await fail(context, refusal)
        stable = () if difference.replaces else (*kind.identity, *kind.immutable, *kind.lasting)
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if difference.changed else response.DIFF_NONE,
            replaces=[camel(name) for name in difference.replaces],
            stables=[camel(name) for name in stable],
            deleteBeforeReplace=difference.delete_first,
            detailedDiff=_detailed(difference, olds, news),
            hasDetailedDiff=True,
        )

    async def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:  # noqa: N802
        """Create, and wait until it is ready."""
        kind, names = await self._of(request.urn, context)
        given = names.take(request.properties)
        if request.preview:
            if not self._is_of_python:
                await self._foretold(request.urn, lambda facts, warn: warn_of_lacking(kind, facts, given, warn))
            expected = {**dict.fromkeys(kind.outputs, UNKNOWN), **given}
            return provider_pb2.CreateResponse(properties=names.give(expected, kind.secret))
        mark = creation_mark(request.urn, given)
        asked, operation = _with_limit(given, "create", request.timeout), self._operation(request.urn, mark)
        created = await self._carried_out(
            context, kind, given, lambda hub: kind.create(hub, kind.parse(asked), operation)
        )
        state = names.give(_without_limit(created.state, given), kind.secret)
        return provider_pb2.CreateResponse(id=created.id, properties=state)

    async def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:  # noqa: N802
        """Return what CMF has, for a refresh, an import or a get; no id says that it is gone."""
        kind, names = await self._of(request.urn, context)
        state = names.take(request.properties)
        found = await self._carried_out(context, kind, {}, lambda hub: kind.read(hub, request.id, state))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.id,
            properties=names.give(found.state, kind.secret),
            inputs=names.give(found.inputs, kind.secret),
        )

    async def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:  # noqa: N802
        """Make the resource what the inputs say, and wait for it."""
        kind, names = await self._of(request.urn, context)
        olds, given = names.take(request.olds), names.take(request.news)
        if request.preview:
            known = {name: olds[name] for name in kind.lasting if name in olds}
            expected = {**dict.fromkeys(kind.outputs, UNKNOWN), **known, **given}
            return provider_pb2.UpdateResponse(properties=names.give(expected, kind.secret))
        asked, operation = _with_limit(given, "update", request.timeout), self._operation(request.urn)
        state = await self._carried_out(
            context, kind, given, lambda hub: kind.update(hub, request.id, olds, kind.parse(asked), operation)
        )
        return provider_pb2.UpdateResponse(properties=names.give(_without_limit(state, given), kind.secret))

    async def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:  # noqa: N802
        """Delete, and wait until it is gone."""
        kind, names = await self._of(request.urn, context)
        state = _with_limit(names.take(request.properties), "delete", request.timeout)
        operation = self._operation(request.urn)
        await self._carried_out(context, kind, {}, lambda hub: kind.delete(hub, request.id, state, operation))
        return empty_pb2.Empty()

    async def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:  # noqa: N802
        """Carry out a function."""
        function = READS.get(request.tok)
        if function is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"there is no function {request.tok}")
        given = rpc.deserialize_properties(request.args)
        try:
            result = await function.carry_out(self._ready(), given)
        except (CmfError, Refused, SettingsError, ValidationError) as error:
            await fail(context, str(error))
        return _invoked(result)

    async def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:  # noqa: N802
        """Give up what is under way; each operation says what to do next."""
        for task in self._running:
            task.cancel()
        return empty_pb2.Empty()

    async def _of(self, urn: str, context: Context) -> tuple[Kind[Any], Names]:
        """Return the kind of a resource and its names; the type in a URN is preceded by those of its parents."""
        name = urn.split("::")[2].rpartition("$")[2].rpartition(":")[2]
        if name not in KINDS:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{NAMESPACE} has no resource {name}")
        return KINDS[name], self._names[name]

    def _operation(self, urn: str, mark: str | None = None) -> Operation:
        return Operation(
            progress=lambda line: self._engine.progress(urn, line),
            warn=lambda line: self._engine.warn(urn, line),
            mark=mark,
        )

    async def _foretold(self, urn: str, foretell: Callable[[Facts, Progress], Awaitable[str | None]]) -> str | None:
        if self._facts is None or not self._facts.hub.settings.foretell:
            return None
        try:
            return await foretell(self._facts, lambda line: self._engine.warn(urn, line))
        finally:
            await self._engine.said()

    def _ready(self) -> Hub:
        """Return the hub; raises SettingsError."""
        if self._hub is None:
            raise self._settings if isinstance(self._settings, SettingsError) else SettingsError("not configured")
        return self._hub

    async def _carried_out(
        self, context: Context, kind: Kind[Any], given: Mapping[str, Any], work: Callable[[Hub], Awaitable[T]]
    ) -> T:
        """Do the work of one call; what the user has to know becomes its error."""
        names, task = self._names[kind.name], None
        try:
            task = asyncio.ensure_future(work(self._ready()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            return await task
        except NotReady as error:
            state = names.give(_without_limit(error.state, given), kind.secret)
            await fail_unready(context, error.id, state, names.give(given, kind.secret), error.reason)
        except asyncio.CancelledError:
            if task is None or not task.cancelled():
                raise  # the engine gave up this very call; the task goes with it
            await fail(context, INTERRUPTED)
        except (CmfError, Refused, WaitFailed, SettingsError) as error:
            await fail(context, str(error))
        except ValidationError as error:
            await fail(context, unreadable(kind, error))
        finally:
            await self._engine.said()


def _read(given: Mapping[str, Any]) -> Settings | SettingsError:
    try:
        return Settings.read(lambda key: given.get(key.removeprefix(f"{NAMESPACE}:")), os.environ)
    except SettingsError as error:
        return error


def _with_limit(values: Mapping[str, Any], operation: str, seconds: float) -> dict[str, Any]:
    """Return inputs or a state with the limit of the engine's `customTimeouts`, where there is one."""
    if not seconds:
        return dict(values)
    return {**values, "timeouts": {**(values.get("timeouts") or {}), operation: seconds}}


def _without_limit(state: State, given: Mapping[str, Any]) -> State:
    """Return a state with the timeouts that the user gave, and no others."""
    kept = {key: value for key, value in state.items() if key != "timeouts"}
    return {**kept, "timeouts": given["timeouts"]} if given.get("timeouts") else kept


def _detailed(
    difference: Difference, olds: Mapping[str, Any], news: Mapping[str, Any]
) -> dict[str, provider_pb2.PropertyDiff]:
    """Return each place that differs."""
    replacing, result = {*difference.replaces}, {}
    for name in sorted(difference.changed):
        for path, old, new in differing(olds.get(name), news.get(name), (name,)):
            kinds = _ADD if old is None else _DELETE if new is None else _UPDATE
            result[spelled(path)] = _Diff(kind=kinds[name in replacing], inputDiff=True)
    return result


def _invoked(result: Mapping[str, Any]) -> provider_pb2.InvokeResponse:
    response = provider_pb2.InvokeResponse()
    getattr(response, "return").update(result)
    return response
