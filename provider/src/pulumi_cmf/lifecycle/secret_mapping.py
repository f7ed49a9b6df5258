"""EnvironmentSecretMapping: which secret a connectionSecretId stands for in an environment (E37)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cmf_core.calls import SECRETS, Collection, secret_mappings
from cmf_core.models import EnvironmentSecretMapping
from cmf_core.rules import Verdict, names
from cmf_core.rules.secrets import known_secret

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.operations import Going, State
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
        yield "name", names.resource_name(self.name, inputs.name, minimum=1)
        yield "environment", names.resource_name("Environment", inputs.environment)
        yield "secret_name", names.resource_name("Secret", inputs.secret_name, minimum=1)

    async def unfit(self, facts: Facts, news: Mapping[str, Any], found: EnvironmentSecretMapping | None) -> Verdict:
        """Return that its environment's cluster takes no writes, or that its secret does not exist (E37)."""
        refusal, secret = await facts.writable_environment(str(news["environment"])), news.get("secret_name")
        if refusal is not None or not isinstance(secret, str):
            return refusal
        exists = secret in await facts.all(SECRETS) or facts.changes("Secret", secret)
        return known_secret(str(news["name"]), secret, exists=exists)

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Foretell that its environment's cluster takes no writes."""
        present = place["name"] in await facts.all(self.collection(place))
        return await facts.writable_environment(place["environment"]) if present else None

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
