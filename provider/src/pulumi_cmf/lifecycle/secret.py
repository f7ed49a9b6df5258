"""Secret: credentials of connections, global to CMF (E37)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cmf_core.calls import SECRETS, Collection, secret_mappings
from cmf_core.models import Secret
from cmf_core.models.secret import MASK
from cmf_core.rules import Verdict, names
from cmf_core.rules.secrets import deletable, unmasked

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.operations import Going, State
from pulumi_cmf.lifecycle.recorded import RecordedKind
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.spelling import texts
from pulumi_cmf.lifecycle.unknowns import known_part

_MAPPING = "EnvironmentSecretMapping"


class SecretInputs(Labelled):
    """What a user says of a secret."""

    data: dict[str, str]


class SecretKind(RecordedKind[SecretInputs, Secret]):
    """Life cycle of secrets. CMF never sends values back; that they changed is seen by its version."""

    name = "Secret"
    searched = ("name", "environments")
    identity = ("name",)
    outputs = ("uid", "version", "environments")
    secret = ("data",)

    def __init__(self) -> None:
        super().__init__(SecretInputs)

    def spelled(self, key: str, value: Any) -> Any:
        """Return an input as it is kept; values are texts."""
        return texts(value) if key == "data" else super().spelled(key, value)

    def rules(self, inputs: SecretInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rule on names."""
        yield "name", names.resource_name(self.name, inputs.name, minimum=1)

    async def unfit(self, facts: Facts, news: Mapping[str, Any], found: Secret | None) -> Verdict:
        """Return that a value is the mask, which stands for one that is there."""
        data = known_part(news.get("data")) or {}
        masked = [key for key, value in data.items() if value == MASK]
        return unmasked(str(news["name"]), masked, (found.spec.data if found else None) or {})

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Foretell that environments have mappings to it (E37)."""
        name = place["name"]
        found = (await facts.all(SECRETS)).get(name)
        if found is None:
            return None
        environments = {*(found.status.environments or [] if found.status else [])}
        environments |= {str(planned.inputs["environment"]) for planned in facts.all_changed(_MAPPING).values()}
        return deletable(name, [each for each in sorted(environments) if await _maps(facts, going, each, name)])

    def collection(self, place: Mapping[str, Any]) -> Collection[Secret]:
        """Return all secrets."""
        return SECRETS

    def parsed(self, data: dict[str, Any]) -> Secret:
        """Return the model of a document."""
        return Secret.parse(data)

    def body(self, inputs: SecretInputs) -> dict[str, Any]:
        """Return the data."""
        return {"data": inputs.data}

    def present(self, found: Secret) -> dict[str, Any]:
        """Return the names of the values, each with a mask."""
        return {"data": dict.fromkeys(found.spec.data or {}, MASK)}

    def all_present(self, place: Mapping[str, Any], found: Secret, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return what CMF has; the values that were sent, while it has the version that they made."""
        present = super().all_present(place, found, state)
        version = found.status.version if found.status else None
        ours = state.get("data")
        if version is not None and version == state.get("version") and ours and set(ours) == set(present["data"]):
            present["data"] = ours
        return present

    def computed(self, found: Secret) -> dict[str, Any]:
        """Return the version, and the environments that use it."""
        status = found.status
        return {"version": status.version, "environments": status.environments} if status else {}


async def _maps(facts: Facts, going: Going, environment: str, secret: str) -> bool:
    """Tell whether an environment has a mapping to a secret when that is deleted."""
    if going("Environment", environment):
        return False
    named: dict[str, Any] = {
        f"{environment}/{mapping.name}": mapping.spec.secret_name
        for mapping in (await facts.all(secret_mappings(environment))).values()
    }
    for id_, planned in facts.all_changed(_MAPPING).items():
        if planned.inputs["environment"] == environment:
            named[id_] = planned.inputs.get("secret_name")
    return any(name == secret and not going(_MAPPING, id_) for id_, name in named.items())
