"""What the resource classes share: one class for both fronts, of which the stack's configuration chooses one."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import pulumi
from pulumi import dynamic

from pulumi_cmf.collector import settle
from pulumi_cmf.dynamic.front import Front
from pulumi_cmf.lifecycle.settings import NAMESPACE
from pulumi_cmf.lifecycle.spelling import camel
from pulumi_cmf.resources.leaving import watch
from pulumi_cmf.values import respelled


def uses_plugin() -> bool:
    """Tell whether this program's resources are the plugin's: `pulumi config set cmf:plugin true`.

    A stack that was made without moves by this switch, and nothing is replaced.
    """
    return pulumi.Config(NAMESPACE).get_bool("plugin") or False


class CmfResource(dynamic.Resource):
    """A resource of CMF."""

    name: pulumi.Output[str]
    labels: pulumi.Output[Any]
    annotations: pulumi.Output[Any]
    timeouts: pulumi.Output[Any]

    _front: ClassVar[type[Front]]
    _described: ClassVar[Mapping[str, Any]]
    """The annotations of the class."""

    def __init_subclass__(cls, **named: Any) -> None:
        """Leave Pulumi's SDK what annotations it needs: it evaluates them all for each resource that it makes."""
        super().__init_subclass__(**named)
        cls._described = cls.__annotations__
        # A number comes back as a float unless the annotation says that it is none.
        cls.__annotations__ = {name: hint for name, hint in cls._described.items() if "int" in str(hint)}

    def __init__(
        self, resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        settle()
        watch()
        kind = self._front.kind
        nested = {name: respelled(inputs[name]) for name in kind.nested if name in inputs}
        properties = {**dict.fromkeys(kind.outputs), **inputs, **nested}
        self._is_of_plugin = uses_plugin()
        if not self._is_of_plugin:
            super().__init__(self._front(), resource_name, properties, opts)
            return
        alias = _dynamic_alias(f"pulumi-python:{self._resource_type_name}", resource_name, opts)
        before = pulumi.ResourceOptions(aliases=[alias])
        options = before if opts is None else pulumi.ResourceOptions.merge(opts, before)
        pulumi.CustomResource.__init__(self, f"{NAMESPACE}:index:{kind.name}", resource_name, properties, options)

    def translate_input_property(self, prop: str) -> str:
        """Return what the plugin calls an input; nested ones and the dynamic front's keep their names."""
        return self._spellings()[0].get(prop, prop) if self._is_of_plugin else prop

    def translate_output_property(self, prop: str) -> str:
        """Return what Python calls a property of the plugin's."""
        return self._spellings()[1].get(prop, prop) if self._is_of_plugin else prop

    @classmethod
    @functools.cache
    def _spellings(cls) -> tuple[dict[str, str], dict[str, str]]:
        """Return what the plugin calls each property, and the other way round."""
        theirs = {name: camel(name) for name in (*cls._front.kind.input_names, *cls._front.kind.outputs)}
        return theirs, {spelled: name for name, spelled in theirs.items()}

    @classmethod
    def _get(cls, resource_name: str, id_: pulumi.Input[str], opts: pulumi.ResourceOptions | None) -> Self:
        resource = cls.__new__(cls)
        by_id = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id_))
        CmfResource.__init__(resource, resource_name, dict.fromkeys(cls._front.kind.input_names), by_id)
        return resource


def _dynamic_alias(type_: str, resource_name: str, opts: pulumi.ResourceOptions | None) -> str | pulumi.Alias:
    """Return what names a resource of the plugin's in the state of a stack of dynamic resources.

    Without a parent it is the URN itself, which costs a program of a thousand resources a second less than an alias.
    """
    if opts is not None and opts.parent is not None:
        return pulumi.Alias(type_=type_)
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{type_}::{resource_name}"


watch()  # at the import too: a program that has none of our resources any more deletes them all
