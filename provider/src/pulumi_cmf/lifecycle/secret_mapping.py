"""EnvironmentSecretMapping: which secret a connectionSecretId stands for in an environment (E37)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cmf_core.calls import Collection, secret_mappings
from cmf_core.models import EnvironmentSecretMapping
from cmf_core.rules import Verdict, names

from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.recorded import RecordedKind
from pulumi_cmf.lifecycle.settings import Settings


class EnvironmentSecretMappingInputs(Labelled):
    """What a user says of a mapping; its name is the connectionSecretId."""

    environment: str
    secret_name: str


class EnvironmentSecretMappingKind(RecordedKind[EnvironmentSecretMappingInputs, EnvironmentSecretMapping]):
    """Life cycle of mappings."""

    name = "EnvironmentSecretMapping"
    identity = ("environment", "name")
    place = "environment"
    outputs = ("uid",)

    def __init__(self) -> None:
        super().__init__(EnvironmentSecretMappingInputs)

    def rules(self, inputs: EnvironmentSecretMappingInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on names."""
        yield "name", names.resource_name(self.name, inputs.name)
        yield "environment", names.resource_name("Environment", inputs.environment)
        yield "secret_name", names.resource_name("Secret", inputs.secret_name)

    def collection(self, place: Mapping[str, Any]) -> Collection[EnvironmentSecretMapping]:
        """Return the mappings of an environment."""
        return secret_mappings(place["environment"])

    def parsed(self, data: dict[str, Any]) -> EnvironmentSecretMapping:
        """Return the model of a document."""
        return EnvironmentSecretMapping.parse(data)

    def body(self, inputs: EnvironmentSecretMappingInputs) -> dict[str, Any]:
        """Return the name of the secret."""
        return {"secretName": inputs.secret_name}

    def present(self, found: EnvironmentSecretMapping) -> dict[str, Any]:
        """Return the name of the secret."""
        return {"secret_name": found.spec.secret_name}
