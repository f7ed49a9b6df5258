"""Put the sources of settings together: flags before environment variables before the file before defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as SourceError

from cmf_hub.settings.file import FileRefused, read
from cmf_hub.settings.group import flag, variable
from cmf_hub.settings.model import Settings, grouped


class SettingsError(ValueError):
    """A setting that the hub cannot start with; the text names it, says where it came from and what to do."""


@dataclass(frozen=True)
class Loaded:
    """Settings, and where they came from.

    Attributes:
        settings: the settings.
        origins: flag, environment variable or key of the file by the setting's name; those not in it have defaults.
    """

    settings: Settings
    origins: Mapping[str, str]

    def rows(self) -> list[tuple[str, str, str]]:
        """Return name, value and origin of every setting; values of secrets are masked."""
        return [
            (name, _shown(getattr(self.settings, name)), self.origins.get(name, "default")) for name, _ in grouped()
        ]


def load(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> Loaded:
    """Return the settings of this process.

    Args:
        file: YAML file, or None for none.
        flags: values from the command line by the setting's name; None means that the flag was not given.

    Raises:
        SettingsError: a setting is wrong, or the file cannot be used; one sentence for each.
    """
    origins: dict[str, str] = {}
    values: dict[str, Any] = {}
    try:
        for name, (key, value) in (read(file) if file else {}).items():
            origins[name], values[name] = f"{key} in {file}", value
        for name, value in EnvSettingsSource(Settings)().items():
            origins[name], values[name] = variable(name), value
    except (FileRefused, SourceError) as error:
        raise SettingsError(str(error)) from error
    for name, value in (flags or {}).items():
        if value is not None:
            origins[name], values[name] = flag(name), value
    try:
        return Loaded(Settings(**values), origins)
    except ValidationError as error:
        raise SettingsError(
            "; ".join(_sentence(dict(detail), origins) for detail in error.errors(include_url=False))
        ) from error


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _sentence(detail: dict[str, Any], origins: Mapping[str, str]) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        concerned = [
            f"{name} is from {origins.get(name, 'the default')}" for name in detail.get("ctx", {}).get("settings", ())
        ]
        return f"{message} ({', '.join(concerned)})" if concerned else message
    name = str(detail["loc"][0])
    shown = "**********" if _is_secret(name) else repr(detail["input"])
    return f"{origins.get(name, variable(name))} is {shown}: {message[:1].lower()}{message[1:]}"


def _is_secret(name: str) -> bool:
    return SecretStr in (annotation := Settings.model_fields[name].annotation, *getattr(annotation, "__args__", ()))
