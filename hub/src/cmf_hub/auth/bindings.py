"""Role bindings from a file: which principal has which role, where (E56).

```yaml
roleBindings:
  - principal: User:alice            # or Group:operators
    role: ClusterAdmin               # on the whole installation, or on what is in one environment
  - principal: Group:payments
    role: DeveloperManage            # on resources, by their names
    flinkEnvironment: payments       # for applications, statements and compute pools; * for every environment
    resources:
      - {resourceType: FlinkApplication, name: orders-, patternType: PREFIXED}
      - {resourceType: FlinkComputePool, name: "*"}
```
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

import yaml
from cmf_core.rules.roles import CLUSTER_ROLES, IN_ENVIRONMENT, Action, ResourceType, Role, gives
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from cmf_hub.auth.needs import Right, Visible
from cmf_hub.auth.principal import Principal

_ANY = "*"

Names = Callable[[], Collection[str]]
"""Finds the names of the resources that a list is made of."""


class Authorizer(Protocol):
    """Whoever decides what a principal may do."""

    async def allows(self, principal: Principal, right: Right) -> bool:
        """Return whether a principal has a right.

        Raises:
            ServiceUnavailable: nobody knows; then nothing is allowed.
        """
        ...

    async def visible(
        self, principal: Principal, resource_type: ResourceType, environment: str, names: Names
    ) -> Visible | None:
        """Return which resources of a type a principal may view; None for all.

        Args:
            principal: who asks.
            resource_type: type of the resources.
            environment: theirs, or "" if they are in none.
            names: gives the names of those that there are, for who cannot tell without.

        Raises:
            ServiceUnavailable: nobody knows.
        """
        ...


class _Pattern(StrEnum):
    LITERAL = "LITERAL"
    PREFIXED = "PREFIXED"


class _Strict(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class _Resource(_Strict):
    resource_type: ResourceType
    name: str = Field(min_length=1)
    pattern_type: _Pattern = _Pattern.LITERAL


class _Binding(_Strict):
    principal: str
    role: Role
    flink_environment: str = ""
    resources: tuple[_Resource, ...] = ()

    @field_validator("principal")
    @classmethod
    def _known_kind(cls, principal: str) -> str:
        if not principal.startswith(("User:", "Group:")) or principal.endswith(":"):
            raise ValueError("is User:NAME or Group:NAME")
        return principal

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if (self.role in CLUSTER_ROLES) == bool(self.resources):
            which = "is given on a whole scope, without" if self.role in CLUSTER_ROLES else "is given on"
            raise ValueError(f"{self.role} {which} resources")
        for resource in self.resources:
            if (resource.resource_type in IN_ENVIRONMENT) != bool(self.flink_environment):
                needs = "needs" if resource.resource_type in IN_ENVIRONMENT else "is in no environment: it has no"
                raise ValueError(f"{resource.resource_type} {needs} flinkEnvironment")
        return self


class _File(_Strict):
    role_bindings: tuple[_Binding, ...] = ()


@dataclass(frozen=True)
class _Grant:
    """A role of one principal: on a scope if `type` is None, else on the resources of a name or prefix."""

    role: Role
    environment: str
    type: ResourceType | None = None
    name: str = ""
    prefixed: bool = False

    def covers(self, right: Right) -> bool:
        """Return whether the grant gives a right."""
        if right.type is ResourceType.ENVIRONMENT and self.environment:
            # To use what is in an environment one has to see it.
            return right.action is Action.VIEW and self._in(right.name) and gives(self.role, right.type, right.action)
        if not gives(self.role, right.type, right.action):
            return False
        if self.type is None:
            return not self.environment or (right.type in IN_ENVIRONMENT and self._in(right.environment))
        return self.type is right.type and self._in(right.environment) and self._named(right.name)

    def shows(self, resource_type: ResourceType, environment: str) -> Visible | None:
        """Return what of a list the grant shows; None for all."""
        nothing = Visible()
        if resource_type is ResourceType.ENVIRONMENT and self.environment:
            if not gives(self.role, resource_type, Action.VIEW):
                return nothing
            return None if self.environment == _ANY else Visible(frozenset({self.environment}))
        if not gives(self.role, resource_type, Action.VIEW):
            return nothing
        if self.type is None:
            if self.environment and not (resource_type in IN_ENVIRONMENT and self._in(environment)):
                return nothing
            return None
        if self.type is not resource_type or not self._in(environment):
            return nothing
        if self.name == _ANY:
            return None
        named = frozenset({self.name})
        return Visible(prefixes=named) if self.prefixed else Visible(names=named)

    def _in(self, environment: str) -> bool:
        return self.environment in (_ANY, environment) or not self.environment

    def _named(self, name: str) -> bool:
        if self.name == _ANY:
            return True
        return name.startswith(self.name) if self.prefixed else name == self.name


class RoleBindings:
    """The role bindings of a file; `use` takes a new content in."""

    def __init__(self) -> None:
        self._grants: Mapping[str, Sequence[_Grant]] = {}

    def use(self, contents: Sequence[bytes]) -> None:
        """Use the bindings of a file's content, YAML or JSON.

        Raises:
            ValueError: they are not such; the text says where.
        """
        (content,) = contents
        try:
            data = yaml.safe_load(content)
            bindings = _File.model_validate(data if data is not None else {}).role_bindings
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(f"it is not YAML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
        grants: dict[str, list[_Grant]] = defaultdict(list)
        for binding in bindings:
            grants[binding.principal] += _grants(binding)
        self._grants = dict(grants)

    async def allows(self, principal: Principal, right: Right) -> bool:
        """Return whether a principal has a right."""
        return any(grant.covers(right) for grant in self._of(principal))

    async def visible(
        self, principal: Principal, resource_type: ResourceType, environment: str, names: Names
    ) -> Visible | None:
        """Return which resources of a type a principal may view; None for all."""
        shown: set[str] = set()
        prefixes: set[str] = set()
        for grant in self._of(principal):
            part = grant.shows(resource_type, environment)
            if part is None:
                return None
            shown |= part.names
            prefixes |= part.prefixes
        return Visible(frozenset(shown), frozenset(prefixes))

    def _of(self, principal: Principal) -> Iterator[_Grant]:
        for name in principal.names:
            yield from self._grants.get(name, ())


def _grants(binding: _Binding) -> Iterator[_Grant]:
    if not binding.resources:
        yield _Grant(binding.role, binding.flink_environment)
    for resource in binding.resources:
        prefixed = resource.pattern_type is _Pattern.PREFIXED
        yield _Grant(binding.role, binding.flink_environment, resource.resource_type, resource.name, prefixed)
