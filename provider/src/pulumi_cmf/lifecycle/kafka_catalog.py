"""KafkaCatalog: a Schema Registry, whose Kafka clusters are databases of their own (E38)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from cmf_core.calls import KAFKA_CATALOGS, Collection, kafka_databases
from cmf_core.models import KafkaCatalog
from cmf_core.rules import Verdict, names
from cmf_core.rules.catalogs import deletable

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.operations import Going, State
from pulumi_cmf.lifecycle.recorded import RecordedKind
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.types import Connection


class KafkaCatalogInputs(Labelled):
    """What a user says of a catalog."""

    sr_instance: dict[str, Any]


class KafkaCatalogKind(RecordedKind[KafkaCatalogInputs, KafkaCatalog]):
    """Life cycle of catalogs. CMF refuses to delete one that has databases."""

    name = "KafkaCatalog"
    identity = ("name",)
    outputs = ("uid", "environments_with_access")
    nested: ClassVar[Mapping[str, Any]] = {"sr_instance": Connection}

    def __init__(self) -> None:
        super().__init__(KafkaCatalogInputs)

    def rules(self, inputs: KafkaCatalogInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rule on names."""
        yield "name", names.resource_name(self.name, inputs.name, minimum=1)

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Foretell that it has databases (E38)."""
        name = place["name"]
        if name not in await facts.all(KAFKA_CATALOGS):
            return None
        made = [id_.partition("/")[2] for id_ in facts.all_changed("KafkaDatabase") if id_.startswith(f"{name}/")]
        databases = dict.fromkeys([*await facts.all(kafka_databases(name)), *made])
        return deletable(name, [each for each in databases if not going("KafkaDatabase", f"{name}/{each}")])

    def collection(self, place: Mapping[str, Any]) -> Collection[KafkaCatalog]:
        """Return all catalogs."""
        return KAFKA_CATALOGS

    def parsed(self, data: dict[str, Any]) -> KafkaCatalog:
        """Return the model of a document."""
        return KafkaCatalog.parse(data)

    def body(self, inputs: KafkaCatalogInputs) -> dict[str, Any]:
        """Return the connection."""
        return {"srInstance": inputs.sr_instance}

    def present(self, found: KafkaCatalog) -> dict[str, Any]:
        """Return the connection."""
        return {"sr_instance": found.spec.sr_instance.wire()}

    def computed(self, found: KafkaCatalog) -> dict[str, Any]:
        """Return the environments that see it."""
        return {"environments_with_access": found.status.environments_with_access if found.status else None}
