"""Flags of commands, made of the settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, Literal, ParamSpec, get_args, get_origin

import typer
from pydantic import SecretStr
from rich.markup import escape

from cmf_hub.settings import Loaded, Settings, SettingsError, grouped, load
from cmf_hub.settings.group import Group, flag, variable

P = ParamSpec("P")
_Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", envvar="CMF_CONFIG", show_envvar=False,
        help="YAML file with settings (CMF_CONFIG). Flags and environment variables come before it.",
    ),
]  # fmt: skip


def settings_flags(*names: str) -> Callable[[Callable[Concatenate[Loaded, P], None]], Callable[..., None]]:
    """Give a command `--config` and the flags of some settings, or of all; it gets the settings first.

    A setting that is secret has no flag: other users of the machine see command lines.
    """
    groups = {name: group for name, group in grouped() if not names or name in names}

    def decorate(command: Callable[Concatenate[Loaded, P], None]) -> Callable[..., None]:
        _, *own = inspect.signature(command, eval_str=True).parameters.values()
        keyword = inspect.Parameter.KEYWORD_ONLY
        config = inspect.Parameter("config", keyword, default=None, annotation=_Config)

        @wraps(command)
        def with_settings(**given: Any) -> None:
            try:
                loaded = load(given.pop("config"), {name: given.pop(name, None) for name in groups})
            except SettingsError as error:
                raise stopped(str(error)) from error
            command(loaded, **given)  # type: ignore[call-arg]

        parameters = [*(each.replace(kind=keyword) for each in own), config, *_options(groups)]
        with_settings.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return with_settings

    return decorate


def stopped(message: str) -> typer.Exit:
    """Say in one sentence why a command cannot be carried out; the caller raises what this returns."""
    typer.echo(f"cmf-hub: {message}", err=True)
    return typer.Exit(2)


def type_name(annotation: Any) -> str:
    """Return how a setting's type is shown: its choices, or one word."""
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    kinds = [kind for kind in (get_args(annotation) or (annotation,)) if kind is not type(None)]
    words = {bool: "true|false", int: "integer", float: "number", Path: "path", SecretStr: "secret", str: "text"}
    return words.get(kinds[0], "text")


def _options(groups: dict[str, type[Group]]) -> Iterator[inspect.Parameter]:
    for name, group in groups.items():
        field = Settings.model_fields[name]
        shown = type_name(field.annotation)
        if shown == "secret":
            continue
        meaning = " ".join((field.description or "").split())
        default = "" if field.default in (None, "") else f" Default: {field.default}."
        option = typer.Option(
            flag(name), metavar=shown.upper(), show_default=False,
            rich_help_panel=(inspect.getdoc(group) or "").rstrip("."),
            help=escape(f"{meaning} ({variable(name)}.{default})"),
        )  # fmt: skip
        annotation = Annotated[str | None, option]
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
