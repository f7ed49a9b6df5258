"""What the dynamic providers of all kinds share: Pulumi's calls to life cycles, and their results back."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, TypeVar

import pulumi
from cmf_core.errors import CmfError
from cmf_core.rules import Verdict
from pulumi import dynamic
from pulumi.runtime import rpc
from pydantic import ValidationError

from pulumi_cmf.dynamic import background
from pulumi_cmf.dynamic.call import Call, current_call
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Failure, refused
from pulumi_cmf.lifecycle.kind import UNSENT, Created, Kind, NotReady, Operation, Refused, State
from pulumi_cmf.lifecycle.settings import Settings, SettingsError
from pulumi_cmf.lifecycle.unknowns import UNKNOWN
from pulumi_cmf.lifecycle.waiting import WaitFailed

T = TypeVar("T")
_PROVIDER = "__provider"
_UNASKED: set[Settings] = set()
"""Settings with which this process could not read facts; it does not try again."""


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
        try:
            self._settings = Settings.read(req.config.get, os.environ)
        except SettingsError as error:
            self._settings = error

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Return the inputs as they are kept, and what is wrong with them."""
        settings = self._settings
        failures = [dynamic.CheckFailure("", str(settings))] if isinstance(settings, SettingsError) else []
        given = _from_pulumi(news)
        checked = self.kind.check(given, settings if isinstance(settings, Settings) else None)
        failures += [self._failure(failure, given) for failure in checked.failures]
        if not _olds and not failures:
            foretold = self._foretold({}, checked.inputs)
            failures += [dynamic.CheckFailure("", foretold)] if foretold else []
        return dynamic.CheckResult(_to_pulumi(checked.inputs), failures)

    def _failure(self, failure: Failure, given: Mapping[str, Any]) -> dynamic.CheckFailure:
        """Return a failure for the engine, which prints the value of the property that is named: never a secret's."""
        name = failure.property
        if name in self.kind.secret or "." in name or isinstance(given.get(name), dict | list):
            return dynamic.CheckFailure("", f"{name}: {failure.reason}")
        return dynamic.CheckFailure(name, failure.reason)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Compare the state with the inputs."""
        olds, news = _from_pulumi(_olds), _from_pulumi(_news)
        difference = self.kind.diff(olds, news)
        if difference.changed - UNSENT and not difference.replaces:
            foretold = self._foretold(olds, news)
            if foretold:
                current_call().fail(foretold, Refused(foretold))
        return dynamic.DiffResult(
            changes=bool(difference.changed),
            replaces=difference.replaces,
            delete_before_replace=difference.delete_first,
        )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Create, and wait until it is ready."""
        call = current_call()
        given = _from_pulumi(props)
        operation = Operation(call.progress, call.warn, _mark(call.urn, given))

        async def work(hub: Hub) -> Created:
            return await self.kind.create(hub, self.kind.parse(given), operation)

        created = self._run(call, work, props)
        return dynamic.CreateResult(created.id, self._outs(created.state))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return what CMF has; an empty id says that it is gone."""
        call = current_call()
        state = _from_pulumi(props)
        found = self._run(call, lambda hub: self.kind.read(hub, id_, state), props)
        if found is None:
            return dynamic.ReadResult("", {})
        return dynamic.ReadResult(found.id, self._outs(found.state), self._outs(found.inputs))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Make the resource what the inputs say, and wait for it."""
        call = current_call()
        olds, given = _from_pulumi(_olds), _from_pulumi(_news)
        operation = Operation(call.progress, call.warn)

        async def work(hub: Hub) -> State:
            return await self.kind.update(hub, _id, olds, self.kind.parse(given), operation)

        return dynamic.UpdateResult(self._outs(self._run(call, work, _news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete, and wait until it is gone."""
        call = current_call()
        state = _from_pulumi(_props)
        operation = Operation(call.progress, call.warn)
        self._run(call, lambda hub: self.kind.delete(hub, _id, state, operation), _props)

    def _foretold(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> str | None:
        """Return what CMF would refuse; None if it would not, or if it cannot be asked, which is told once."""
        settings = self._settings
        if not isinstance(settings, Settings) or settings in _UNASKED:
            return None

        async def work() -> Verdict:
            return await self.kind.foretell(await background.facts(settings), olds, news)

        try:
            verdict = background.run(work(), None)
        except CmfError as error:
            _UNASKED.add(settings)
            current_call().warn(f"what CMF may refuse is not checked beforehand: {error}")
            return None
        return refused("", verdict).reason if verdict else None

    def _run(self, call: Call, work: Callable[[Hub], Awaitable[T]], props: Mapping[str, Any]) -> T:
        """Do the work of one call; what the user has to know becomes its error."""
        settings = self._settings
        if not isinstance(settings, Settings):
            error = settings or SettingsError("the provider was not configured")
            call.fail(str(error), error)
        try:
            return background.run(_on_hub(settings, work), call.context)
        except NotReady as error:
            state = {**self._outs(error.state), _PROVIDER: props.get(_PROVIDER)}
            call.fail_unready(error.id, state, error.reason, error)
        except (CmfError, Refused, WaitFailed, InterruptedError) as error:
            call.fail(str(error), error)
        except ValidationError as error:
            # Inputs are checked before they come here: this is a state that another version has written.
            call.fail(f"this {self.kind.name}'s state is not readable: {error.error_count()} wrong fields", error)

    def _outs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        secret = self.kind.secret
        return {key: rpc.wrap_rpc_secret(value) if key in secret else value for key, value in values.items()}


async def _on_hub(settings: Settings, work: Callable[[Hub], Awaitable[T]]) -> T:
    return await work(await background.hub(settings))


def _from_pulumi(value: dict[str, Any]) -> dict[str, Any]:
    """Return properties as the life cycles take them: no provider among them, no nulls, our mark for unknowns."""
    return {key: _exchanged(part) for key, part in value.items() if key != _PROVIDER and part is not None}


def _exchanged(value: Any) -> Any:
    if isinstance(value, pulumi.output.Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _exchanged(part) for key, part in value.items()}
    return [_exchanged(part) for part in value] if isinstance(value, list) else value


def _to_pulumi(value: Any) -> Any:
    if value is UNKNOWN:
        return pulumi.output.UNKNOWN
    if isinstance(value, dict):
        return {key: _to_pulumi(part) for key, part in value.items()}
    return [_to_pulumi(part) for part in value] if isinstance(value, list) else value


def _mark(urn: str, inputs: Mapping[str, Any]) -> str | None:
    """Return the mark of a create: the same for a repeat by the same resource with the same inputs."""
    if not urn:
        return None
    sent = {key: value for key, value in inputs.items() if key not in UNSENT}
    text = json.dumps([urn, sent], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
