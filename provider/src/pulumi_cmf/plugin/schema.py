"""The provider's schema, made from the Python classes: what they say is what every language says."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from importlib.metadata import version
from itertools import pairwise
from types import ModuleType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints, is_typeddict

import pulumi_cmf
from pulumi_cmf import types as nested
from pulumi_cmf.lifecycle.kind import UNSENT, Kind
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.reads import READS, RESULTS, Get, ListOf, Read
from pulumi_cmf.lifecycle.settings import NAMESPACE, Settings
from pulumi_cmf.lifecycle.shapes import hints, unwrapped
from pulumi_cmf.lifecycle.spelling import camel
from pulumi_cmf.resources.base import CmfResource

Schema = dict[str, Any]

ANY: Final = {"$ref": "pulumi.json#/Any"}
_PRIMITIVES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}
_ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_SETTING = re.compile(r"`cmf:(\w+)`, `(\w+)`\. (.*)", re.DOTALL)


def schema() -> Schema:
    """Return the schema of the package, as `pulumi package gen-sdk` and the engine take it."""
    maker = _Maker()
    resources = {maker.token(name): maker.resource(getattr(pulumi_cmf, name)) for name in KINDS}
    functions = {token: maker.function(read) for token, read in READS.items()}
    settings = dict(_settings())
    return {
        "name": NAMESPACE,
        "displayName": "Confluent Manager for Apache Flink",
        "version": version("pulumi-cmf"),
        "description": (
            "Flink fleets as code over the CMF REST API. Independent: not affiliated with Confluent or the Apache "
            "Software Foundation."
        ),
        "keywords": ["pulumi", "flink", "kubernetes", "kind/native", "category/infrastructure"],
        "license": "Apache-2.0",
        "publisher": "pulumi-cmf",
        "language": {
            "nodejs": {"packageName": "pulumi-cmf", "respectSchemaVersion": True},
            "go": {"importBasePath": "pulumi-cmf/sdk/go/cmf", "respectSchemaVersion": True},
        },
        "config": {"variables": settings},
        "provider": {"description": "Where CMF is, and how to talk to it.", "inputProperties": settings},
        "resources": resources,
        "functions": functions,
        "types": dict(sorted(maker.types.items())),
    }  # fmt: skip


class _Maker:
    """Makes resources and functions, and collects the nested types that they need."""

    def __init__(self) -> None:
        self.types: dict[str, Schema] = {}

    @staticmethod
    def token(name: str) -> str:
        return f"{NAMESPACE}:index:{name}"

    def resource(self, cls: type[CmfResource]) -> Schema:
        kind = cls._front.kind
        inputs, required = self._inputs(cls)
        types = hints(cls, cls._described)
        told = _fields_told(cls)
        outputs = {
            camel(name): _told(self._type(types[name], cls.__name__, name), told.get(name)) for name in kind.outputs
        }
        return {
            "description": inspect.cleandoc(cls.__doc__ or ""),
            "inputProperties": inputs,
            "requiredInputs": required,
            "properties": inputs | outputs,
            "required": sorted({*required, "name"}),
        }

    def function(self, read: Read) -> Schema:
        """Return a function."""
        arguments = {camel(each.name): {"type": "string", "description": each.told} for each in read.arguments}
        required = sorted(camel(each.name) for each in read.arguments if each.required)
        result = self._read(read)
        return {
            "description": read.told,
            "inputs": {"type": "object", "properties": arguments} | ({"required": required} if required else {}),
            "outputs": {"type": "object", **result},
        }

    def _read(self, read: Read) -> Schema:
        match read:
            case Get(kind=kind):
                return self._info(kind)
            case ListOf(kind=kind):
                token = self.token(f"{kind.name}Info")
                self.types[token] = {"type": "object", "description": f"{kind.name}, as CMF has it."} | self._info(kind)
                items = {"type": "array", "items": {"type": "object", "$ref": f"#/types/{token}"}}
                told = {**items, "description": "Those that there are, in the order of `sort`."}
                return {"properties": {"items": told}, "required": ["items"]}
        token = self._object(RESULTS[read.name])["$ref"].partition("#/types/")[2]
        result = self.types.pop(token)
        return {"properties": result["properties"], "required": sorted(result["properties"])}

    def _info(self, kind: Kind[Any]) -> Schema:
        """Return what CMF tells of a resource: inputs that only the provider reads, and secrets, are not among it."""
        unread = {camel(name) for name in (*UNSENT, *kind.secret)}
        properties = self.resource(getattr(pulumi_cmf, kind.name))["properties"]
        told = {name: value for name, value in properties.items() if name not in unread}
        id_ = {"type": "string", "description": "Its id, as functions and imports take it."}
        return {"properties": {"id": id_, **told}, "required": ["id", "name"]}

    def _inputs(self, cls: type[CmfResource]) -> tuple[dict[str, Schema], list[str]]:
        types, told = hints(cls.__init__), _arguments_told(cls.__init__)
        inputs, required = {}, []
        for name, parameter in inspect.signature(cls.__init__).parameters.items():
            if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                continue
            property_ = {**self._type(types[name], cls.__name__, name), "description": told[name]}
            if name in cls._front.kind.secret:
                property_["secret"] = True
            inputs[camel(name)] = property_
            if parameter.default is inspect.Parameter.empty:
                required.append(camel(name))
        return inputs, sorted(required)

    def _type(self, hint: Any, owner: str, name: str) -> Schema:
        """Return the schema of a type; `owner` and `name` name the enum that a Literal becomes."""
        hint = unwrapped(hint)
        if hint in _ENUMS:
            owner, name = "", _ENUMS[hint]
        if hint in _PRIMITIVES:
            return {"type": _PRIMITIVES[hint]}
        if is_typeddict(hint):
            return self._object(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Literal:
            return self._enum(owner, name, arguments)
        if origin in (Mapping, dict):
            return {"type": "object", "additionalProperties": self._type(arguments[1], owner, name)}
        if origin in (Sequence, list):
            return {"type": "array", "items": self._type(arguments[0], owner, name)}
        return dict(ANY)

    def _object(self, cls: Any) -> Schema:
        token = self.token(cls.__name__)
        if token not in self.types:
            self.types[token] = {}  # for a type that contains itself
            told = _fields_told(cls)
            properties = {
                camel(name): _told(self._type(hint, _declaring(cls, name).__name__, name), told.get(name))
                for name, hint in hints(cls).items()
            }
            self.types[token] = {
                "type": "object",
                "description": inspect.cleandoc(cls.__doc__ or ""),
                "properties": properties,
            }
        return {"type": "object", "$ref": f"#/types/{token}"}

    def _enum(self, owner: str, name: str, values: Sequence[str]) -> Schema:
        name = f"{owner}{camel(name)[0].upper()}{camel(name)[1:]}"
        token = self.token(name)
        type_ = {"type": "string", "enum": [{"value": value} for value in values]}
        self.types[token] = _told(type_, _constants_told(nested).get(name))
        return {"type": "string", "$ref": f"#/types/{token}"}


_ENUMS = {value: name for name, value in vars(nested).items() if get_origin(value) is Literal}
"""The enums that have a name of their own."""


def _told(schema: Schema, text: str | None) -> Schema:
    return {**schema, "description": text} if text else schema


def _arguments_told(function: Any) -> dict[str, str]:
    """Return what a docstring says of each argument."""
    text = inspect.cleandoc(function.__doc__ or "").partition("Args:\n")[2].partition("\nRaises:")[0]
    return {name: re.sub(r"\s+", " ", told).strip() for name, told in _ARGUMENT.findall(text)}


def _fields_told(cls: type) -> dict[str, str]:
    """Return the texts below the fields of a class and of the typed dictionary that it extends."""
    told: dict[str, str] = {}
    base = _base(cls)
    if base is not None:
        told |= _fields_told(base)
    return told | _texts_below(_source(cls).body)


def _constants_told(module: ModuleType) -> dict[str, str]:
    """Return the texts below the constants of a module."""
    return _texts_below(ast.parse(inspect.getsource(module)).body)


def _texts_below(body: Sequence[ast.stmt]) -> dict[str, str]:
    told = {}
    for field, text in pairwise(body):
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            match field:
                case ast.AnnAssign(target=target) | ast.Assign(targets=[target]):
                    told[ast.unparse(target)] = re.sub(r"\s+", " ", str(text.value.value)).strip()
    return told


def _declaring(cls: type, name: str) -> type:
    """Return the typed dictionary that a field of another comes from."""
    base = _base(cls)
    return _declaring(base, name) if base is not None and name in base.__annotations__ else cls


def _base(cls: type) -> type | None:
    """Return the typed dictionary that another extends; at run time it does not know any more."""
    names = [ast.unparse(base) for base in _source(cls).bases]
    bases = [vars(sys.modules[cls.__module__]).get(name) for name in names]
    return next((base for base in bases if is_typeddict(base)), None) if is_typeddict(cls) else None


def _source(cls: type) -> ast.ClassDef:
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    return body


def _settings() -> list[tuple[str, Schema]]:
    """Return the provider's settings: key, environment variable and text as their class documents them."""
    told = _arguments_told_in(Settings.__doc__ or "")
    types = get_type_hints(Settings)
    result = []
    for field in fields(Settings):
        found = _SETTING.match(told[field.name])
        assert found is not None, f"Settings.{field.name} does not say its key and variable"
        key, variable, text = found.groups()
        setting: Schema = {
            "type": "number" if types[field.name] is float else "string",
            "description": text,
            "defaultInfo": {"environment": [variable]},
        }
        if not field.repr and field.default is not MISSING:
            setting["secret"] = True
        result.append((key, setting))
    return result


def _arguments_told_in(text: str) -> dict[str, str]:
    after = inspect.cleandoc(text).partition("Attributes:\n")[2]
    return {name: re.sub(r"\s+", " ", told).strip() for name, told in _ARGUMENT.findall(after)}
