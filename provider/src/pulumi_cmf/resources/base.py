"""What the resource classes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import pulumi
from pulumi import dynamic

from pulumi_cmf.dynamic.front import Front


class CmfResource(dynamic.Resource):
    """A resource of CMF."""

    _front: ClassVar[type[Front]]
    _inputs: ClassVar[tuple[str, ...]]
    _outputs: ClassVar[tuple[str, ...]]

    def __init__(
        self, resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(self._front(), resource_name, {**dict.fromkeys(self._outputs), **inputs}, opts)

    @classmethod
    def _get(cls, resource_name: str, id_: pulumi.Input[str], opts: pulumi.ResourceOptions | None) -> Self:
        resource = cls.__new__(cls)
        by_id = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id_))
        CmfResource.__init__(resource, resource_name, dict.fromkeys(cls._inputs), by_id)
        return resource
