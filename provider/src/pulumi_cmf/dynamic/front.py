"""What the dynamic providers of all kinds share: Pulumi's calls to life cycles, and their results back."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, TypeVar

import pulumi
from cmf_core.errors import CmfError
from pulumi import dynamic
from pydantic import ValidationError

from pulumi_cmf.collector import settle
from pulumi_cmf.dynamic import background
from pulumi_cmf.dynamic.call import Call, current_call
from pulumi_cmf.dynamic.workers import more_workers
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.foretelling import foretell_change, foretell_create
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kind import Kind, unreadable
from pulumi_cmf.lifecycle.operations import Created, NotReady, Operation, Refused, State
from pulumi_cmf.lifecycle.settings import Settings, SettingsError
from pulumi_cmf.lifecycle.waiting import WaitFailed
from pulumi_cmf.values import PROVIDER, creation_mark, from_pulumi, guarded, to_pulumi

T = TypeVar("T")


class Front(dynamic.ResourceProvider):
    """A dynamic provider on the life cycle of one kind.

    Its objects have no attributes when they are pickled, so that the state names the class and nothing else.
    """

    # Nothing secret is in the pickled object; one secret less for each resource in the state.
    serialize_as_secret_always = False

    kind: ClassVar[Kind[Any]]

    _settings: Settings | SettingsError | None = None

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Read the settings; what is wrong with them is told by the first call that needs them."""
        settle()
        more_workers()
        try:
            self._settings = Settings.read(req.config.get, os.environ)
        except SettingsError as error:
            self._settings = error

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Return the inputs as they are kept, and what is wrong with them."""
        settings = self._settings
        failures = [dynamic.CheckFailure("", str(settings))] if isinstance(settings, SettingsError) else []
        given = from_pulumi(news)
        checked = self.kind.check(given, settings if isinstance(settings, Settings) else None)
        failures += [dynamic.CheckFailure(*self.kind.told(failure, given)) for failure in checked.failures]
        if not _olds and not failures:
            refusal = self._foretold(
                lambda facts, call: foretell_create(
                    self.kind, facts, checked.inputs, creation_mark(call.urn, checked.inputs), call.warn
                )
            )
            failures += [dynamic.CheckFailure("", refusal)] if refusal else []
        return dynamic.CheckResult(self._outs(to_pulumi(checked.inputs, pulumi.output.UNKNOWN)), failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Compare the state with the inputs."""
        olds, news = from_pulumi(_olds), from_pulumi(_news)
        difference = self.kind.diff(olds, news)
        refusal = self._foretold(
            lambda facts, call: foretell_change(self.kind, facts, olds, news, difference, call.warn)
        )
        if refusal:
            current_call().fail(refusal, Refused(refusal))
        return dynamic.DiffResult(
            changes=bool(difference.changed),
            replaces=difference.replaces,
            delete_before_replace=difference.delete_first,
        )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Create, and wait until it is ready."""
        call = current_call()
        given = from_pulumi(props)
        operation = Operation(call.progress, call.warn, creation_mark(call.urn, given))

        async def work(hub: Hub) -> Created:
            return await self.kind.create(hub, self.kind.parse(given), operation)

        created = self._run(call, work, props)
        return dynamic.CreateResult(created.id, self._outs(created.state))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return what CMF has; an empty id says that it is gone."""
        call = current_call()
        state = from_pulumi(props)
        found = self._run(call, lambda hub: self.kind.read(hub, id_, state), props)
        if found is None:
            return dynamic.ReadResult("", {})
        return dynamic.ReadResult(found.id, self._outs(found.state), self._outs(found.inputs))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Make the resource what the inputs say, and wait for it."""
        call = current_call()
        olds, given = from_pulumi(_olds), from_pulumi(_news)
        operation = Operation(call.progress, call.warn)

        async def work(hub: Hub) -> State:
            return await self.kind.update(hub, _id, olds, self.kind.parse(given), operation)

        return dynamic.UpdateResult(self._outs(self._run(call, work, _news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete, and wait until it is gone."""
        call = current_call()
        state = from_pulumi(_props)
        operation = Operation(call.progress, call.warn)
        self._run(call, lambda hub: self.kind.delete(hub, _id, state, operation), _props)

    def _foretold(self, foretell: Callable[[Facts, Call], Awaitable[str | None]]) -> str | None:
        """Return what CMF would refuse; None if it would not, or if it cannot be asked."""
        settings = self._settings
        if not isinstance(settings, Settings) or not settings.foretell:
            return None
        call = current_call()

        async def work() -> str | None:
            return await foretell(await background.facts(settings), call)

        try:
            return background.run(work(), None)
        except CmfError as error:
            return str(error)  # a TLS file of the settings cannot be used

    def _run(self, call: Call, work: Callable[[Hub], Awaitable[T]], props: Mapping[str, Any]) -> T:
        """Do the work of one call; what the user has to know becomes its error."""
        settings = self._settings
        if not isinstance(settings, Settings):
            error = settings or SettingsError("the provider was not configured")
            call.fail(str(error), error)
        try:
            return background.run(_on_hub(settings, work), call.context)
        except NotReady as error:
            state = {**self._outs(error.state), PROVIDER: props.get(PROVIDER)}
            call.fail_unready(error.id, state, error.reason, error)
        except (CmfError, Refused, WaitFailed, InterruptedError) as error:
            call.fail(str(error), error)
        except ValidationError as error:
            call.fail(unreadable(self.kind, error), error)

    def _outs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return guarded(values, self.kind.secret)


async def _on_hub(settings: Settings, work: Callable[[Hub], Awaitable[T]]) -> T:
    return await work(await background.hub(settings))
