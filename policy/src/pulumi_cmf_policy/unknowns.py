"""Values that a preview does not know yet: a policy that reads one is not decided, one that does not goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import proxy

_UNKNOWNS = frozenset(value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_"))


class Known(dict[str, Any]):
    """An object of which only what is known can be read; a dict, as CMF's rules expect.

    Pulumi's own proxy is none, nor are its lists, and it raises when rules pass by what they do not need.
    """

    def __getitem__(self, key: str) -> Any:
        return self._known(key, super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value.

        Raises:
            UnknownValueError: a preview does not know it; Pulumi tells the user that the policy cannot run.
        """
        return self._known(key, super().get(key, default))

    @staticmethod
    def _known(key: str, value: Any) -> Any:
        if is_unknown(value):
            raise proxy.UnknownValueError(value, [key])
        return known(value)


def is_unknown(value: Any) -> bool:
    """Tell whether this stands for a value that a preview does not know."""
    return isinstance(value, str) and value in _UNKNOWNS


def known(value: Any) -> Any:
    """Return a plain value whose objects tell when what is read is unknown."""
    if isinstance(value, Known):
        return value
    if isinstance(value, dict):
        return Known(value)
    return [known(part) for part in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """Return a value of Pulumi's, proxies and all, as dicts and lists: whole numbers as such, no nulls."""
    if isinstance(value, Mapping):
        parts = {key: plain(_read(value, key)) for key in value}
        return {key: part for key, part in parts.items() if part is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(_read(value, index)) for index in range(len(value))]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read(holder: Any, key: Any) -> Any:
    try:
        return holder[key]
    except proxy.UnknownValueError as error:
        return error.unknown_type_sentinel
