"""How a Python program calls the functions: in its own process, or those of the plugin. One code behind both."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi
from cmf_core.errors import CmfError

from pulumi_cmf.dynamic import background
from pulumi_cmf.lifecycle.operations import Refused
from pulumi_cmf.lifecycle.reads import READS
from pulumi_cmf.lifecycle.settings import NAMESPACE, Settings, SettingsError
from pulumi_cmf.lifecycle.spelling import camel
from pulumi_cmf.resources.base import uses_plugin

T = TypeVar("T")
Arguments = Mapping[str, Any]


def read(name: str, arguments: Arguments, opts: pulumi.InvokeOptions | None) -> Any:
    """Call a function, and return what it returns.

    Raises:
        pulumi.RunError: an argument is wrong, what is asked for does not exist, or CMF cannot be asked.
    """
    given = _given(arguments)
    if uses_plugin():
        return _of_plugin(name, given, opts)
    _without(opts)
    return _in_process(name, given)


def read_output(name: str, arguments: Arguments, opts: pulumi.InvokeOutputOptions | None) -> pulumi.Output[Any]:
    """Call a function once its arguments, and what `depends_on` names, are there; it fails the program as `read`."""
    given = _given(arguments)
    if uses_plugin():
        return pulumi.runtime.invoke_output(_token(name), given, opts)
    _without(opts)
    before = pulumi.Output.from_input(opts.depends_on if opts else None).apply(_there)
    ready = pulumi.Output.all(pulumi.Output.from_input(given), before)
    return ready.apply(lambda known: asyncio.to_thread(_in_process, name, known[0]))


def _there(resources: Any) -> Any:
    """Return an output that is unknown until resources are there: Pulumi knows the id of one that has been made."""
    each = resources if isinstance(resources, list) else [] if resources is None else [resources]
    return pulumi.Output.all(*(one.id if isinstance(one, pulumi.CustomResource) else one.urn for one in each))


def made(cls: type[T], values: Mapping[str, Any]) -> T:
    """Return a result class of the values of its fields, spelled as CMF spells them."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    return cls(**{field.name: values.get(camel(field.name)) for field in fields})


def _given(arguments: Arguments) -> dict[str, Any]:
    return {camel(name): value for name, value in arguments.items() if value is not None}


def _token(name: str) -> str:
    return f"{NAMESPACE}:index:{name}"


def _of_plugin(name: str, given: Arguments, opts: pulumi.InvokeOptions | None) -> Any:
    try:
        return pulumi.runtime.invoke(_token(name), dict(given), opts).value
    except Exception as error:
        raise pulumi.RunError(str(error)) from error


def _without(opts: pulumi.InvokeOptions | None) -> None:
    if opts is not None and opts.provider is not None:
        raise pulumi.RunError(
            "the provider of a function needs the plugin: run `pulumi config set cmf:plugin true`, which moves the "
            "stack's resources to it without replacing them"
        )


def _in_process(name: str, given: Arguments) -> dict[str, Any]:
    config = pulumi.Config(NAMESPACE)

    async def asked(settings: Settings) -> dict[str, Any]:
        return await READS[_token(name)].carry_out(await background.hub(settings), given)

    try:
        settings = Settings.read(lambda key: config.get(key.removeprefix(f"{NAMESPACE}:")), os.environ)
        return background.run(asked(settings), None)
    except (CmfError, Refused, SettingsError) as error:
        raise pulumi.RunError(str(error)) from error
