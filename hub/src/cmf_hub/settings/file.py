"""Settings in a YAML file: our flat names or CMF's properties, nested or with dots."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cmf_hub.settings.group import Cmf
from cmf_hub.settings.model import Settings


class FileRefused(ValueError):
    """A settings file that cannot be used; the text names it, the key, and what may have been meant."""


def read(path: Path) -> dict[str, tuple[str, Any]]:
    """Return each setting of a file by its name: the key as it is written there, and the value.

    A key without a value sets nothing.

    Raises:
        FileRefused: the file cannot be read, is not YAML, has an unknown key, or sets something twice.
    """
    try:
        content = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise FileRefused(f"The settings file {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise FileRefused(f"The settings file {path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict | None):
        raise FileRefused(f"The settings file {path} is not a mapping of names to values")
    known, found = _known(), dict[str, tuple[str, Any]]()
    for key, value in _flat(content or {}, known):
        name = known.get(_plain(key))
        if name is None:
            raise FileRefused(f"The settings file {path} has the unknown key {key}{_nearest(key)}")
        if name in found:
            raise FileRefused(f"The settings file {path} sets {name} twice: as {found[name][0]} and as {key}")
        if value is not None:
            found[name] = (key, value)
    return found


def properties(name: str) -> tuple[str, ...]:
    """Return the properties of CMF that mean a setting."""
    return tuple(text for each in Settings.model_fields[name].metadata if isinstance(each, Cmf) for text in each.names)


def _known() -> dict[str, str]:
    """Return the settings' names by every way to write them."""
    return {_plain(text): name for name in Settings.model_fields for text in (name, *properties(name))}


def _flat(content: Mapping[Any, Any], known: Mapping[str, str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for part, value in content.items():
        key = f"{prefix}{part}"
        if isinstance(value, Mapping) and value and _plain(key) not in known:
            yield from _flat(value, known, f"{key}.")
        else:
            yield key, value


def _plain(key: str) -> str:
    """Return a key without what does not matter in it."""
    letters = "".join(letter for letter in key.lower() if letter not in ".-_")
    return letters.removeprefix("cmf")


def _nearest(key: str) -> str:
    names = {_plain(text): text for name in Settings.model_fields for text in (name, *properties(name))}
    close = difflib.get_close_matches(_plain(key), names, n=1, cutoff=0.5)
    return f"; did you mean {names[close[0]]}?" if close else "; `cmf-hub settings` shows those that there are"
