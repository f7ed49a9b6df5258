"""What may be in a nested input, read from the typed dictionaries of `pulumi_cmf.types`, and what does not fit it."""

from __future__ import annotations

import re
import sys
import types as python_types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin, is_typeddict

from pulumi_cmf.lifecycle.inputs import Failure
from pulumi_cmf.lifecycle.spelling import camel
from pulumi_cmf.types import ENUM_RULES, GROWING

_NAMED: Mapping[Any, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class _Itself:
    """Takes the place of Pulumi's Input and Output: `Input[T]` is then T."""

    def __class_getitem__(cls, item: Any) -> Any:
        return item


def hints(of: Any, annotations: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the types that a class or function is annotated with, for values that are there: without Input.

    Args:
        of: the class or function.
        annotations: those to take in the place of its own.
    """
    space = {**vars(sys.modules[of.__module__]), "Input": _Itself, "Output": _Itself}
    found = {}
    for name, hint in (of.__annotations__ if annotations is None else annotations).items():
        text = hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
        found[name] = eval(text, space)  # noqa: S307 - of our own modules
    return found


def unwrapped(hint: Any) -> Any:
    """Return the type of a value: without None, and the typed dictionary of several spellings; else Any."""
    if get_origin(hint) not in (Union, python_types.UnionType):
        return hint
    options = [each for each in get_args(hint) if each is not type(None)]
    typed = [each for each in options if is_typeddict(each)]
    if typed or len(options) == 1:
        return unwrapped((typed or options)[0])
    return Any


@cache
def _fields(shape: Any) -> dict[str, Any]:
    return {camel(name): unwrapped(hint) for name, hint in hints(shape).items()}


def misfits(value: Any, shape: Any, path: str) -> Iterator[Failure]:
    """Yield what of a value, spelled as CMF spells it, is not as its type says.

    Args:
        value: the value.
        shape: a typed dictionary, or the type of a field of one.
        path: where the value is, for messages.
    """
    origin = get_origin(shape)
    if is_typeddict(shape):
        yield from _in_object(value, shape, path)
    elif origin is Literal:
        yield from _in_enum(value, shape, path)
    elif origin is Mapping:
        if not isinstance(value, Mapping):
            yield Failure(path, "is not an object")
            return
        for key, part in value.items():
            yield from misfits(part, unwrapped(get_args(shape)[1]), f"{path}.{key}")
    elif origin is Sequence:
        if not isinstance(value, list):
            yield Failure(path, "is not a list")
            return
        for index, part in enumerate(value):
            yield from misfits(part, unwrapped(get_args(shape)[0]), f"{path}[{index}]")
    elif shape in _NAMED and not _is(value, shape):
        yield Failure(path, f"'{value}' is not {_NAMED[shape]}")


def _in_object(value: Any, shape: Any, path: str) -> Iterable[Failure]:
    if not isinstance(value, Mapping):
        yield Failure(path, "is not an object")
        return
    fields = _fields(shape)
    for name, part in value.items():
        if name in fields:
            yield from misfits(part, fields[name], f"{path}.{name}")
            continue
        meant = get_close_matches(name, fields, n=1)
        way_out = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(sorted(fields))}"
        yield Failure(f"{path}.{name}", f"is not a field of {shape.__name__}: {way_out}")


def _in_enum(value: Any, shape: Any, path: str) -> Iterable[Failure]:
    values = get_args(shape)
    form = GROWING.get(shape)
    if value in values or (form and isinstance(value, str) and re.fullmatch(form, value)):
        return
    rule = f" [{ENUM_RULES[shape]}]" if shape in ENUM_RULES else ""
    yield Failure(path, f"'{value}' is not one of {', '.join(values)}{rule}")


def _is(value: Any, type_: type) -> bool:
    if isinstance(value, bool):
        return type_ is bool
    return isinstance(value, int | float) if type_ is float else isinstance(value, type_)
