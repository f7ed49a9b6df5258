"""What others do to a hub while a stack has resources there."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.foretell.programs import Case
from tests.foretell.stack import Declared
from tests.support import hub as samples
from tests.support.hub import Hub

Doing = Callable[[], str | None]
"""Does something, and returns it in words; None if it could not be done."""


FOREIGN_DATABASE = {
    "apiVersion": "cmf.confluent.io/v1", "kind": "KafkaDatabase", "metadata": {"name": "foreign"},
    "spec": {"kafkaCluster": {"connectionConfig": {"bootstrap.servers": "kafka:9092"}}},
}  # fmt: skip


def meddle(case: Case, cmf: Hub, program: list[Declared]) -> list[str]:
    """Do some of what others can do, and return it in words."""
    doings = [doing for declared in program for doing in _doings(case, cmf, declared)]
    case.random.shuffle(doings)
    return [done for doing in doings[: case.random.randint(0, 3)] if (done := doing())]


def set_life_cycle(case: Case, cmf: Hub, others: random.Random) -> str | None:
    """Retire the case's cluster now and then, or take back one that no program registers; return it in words.

    Args:
        case: whose cluster.
        cmf: the hub.
        others: decides. It is not the case's own, whose programs are the same whatever happens here.
    """
    cluster = case.cluster
    if cluster is None:
        return None
    state = cmf.cluster_state(cluster)
    if state == "DECOMMISSIONED" and not case.hires and others.random() < 0.7:
        assert _is_set(cmf, cluster, "ACTIVE")
        cmf.connected(cluster)
        return f"cluster {cluster} is taken back"
    if state == "CONNECTED" and others.random() < 0.2 and _is_set(cmf, cluster, "DECOMMISSIONED"):
        return f"cluster {cluster} is retired"
    return None


def add_database(cmf: Hub, catalog: Declared) -> bool:
    """Make a database in a catalog, and tell whether it is there: the catalog may not be."""
    place = f"/catalogs/kafka/{catalog.inputs['name']}/databases"
    cmf.post(place, FOREIGN_DATABASE)
    return cmf.get(f"{place}/foreign").is_success


def _is_set(cmf: Hub, cluster: str, life_cycle: str) -> bool:
    return cmf.put(f"/kubernetes-clusters/{cluster}", {"spec": {"lifecycleState": life_cycle}}).is_success


def _doings(case: Case, cmf: Hub, declared: Declared) -> list[Doing]:
    name, inputs = declared.inputs["name"], declared.inputs
    place = f"/environments/{inputs.get('environment', name)}"
    match declared.kind:
        case "KubernetesCluster":
            body = {"name": case.name("foreign"), "kubernetesNamespace": "flink", "kubernetesClusterName": name}
            return [_posted(cmf, "/environments", body)]
        case "Environment":
            return [
                _posted(cmf, f"{place}/applications", samples.application(case.name("job0"))),
                _posted(cmf, f"{place}/secret-mappings", samples.mapping(case.name("foreign"), case.name("secret"))),
                _left(cmf, f"{place}/applications", samples.application(case.name("job9"))),
                _left(cmf, f"{place}/applications", samples.application(case.name("job9"))),
            ]
        case "ComputePool":
            return [_posted(cmf, f"{place}/statements", samples.statement(case.name("foreign"), name))]
        case "KafkaCatalog":
            return [_posted(cmf, f"/catalogs/kafka/{name}/databases", FOREIGN_DATABASE)]
        case "Statement":
            return [_deleted(cmf, f"{place}/statements/{name}")]
        case "FlinkApplication":
            return [_deleted(cmf, f"{place}/applications/{name}")]
    return []


def _posted(cmf: Hub, path: str, body: dict[str, Any]) -> Doing:
    def post() -> str | None:
        return f"{path}: {body}" if cmf.post(path, body).is_success else None

    return post


def _deleted(cmf: Hub, path: str) -> Doing:
    def delete() -> str | None:
        if not cmf.delete(path).is_success:
            return None
        cmf.gone(path)
        return f"{path} deleted"

    return delete


def _left(cmf: Hub, path: str, body: dict[str, Any]) -> Doing:
    """Make an application that runs, and remove it by force: its FlinkDeployment stays."""

    def leave() -> str | None:
        name = body["metadata"]["name"]
        if not cmf.post(path, body).is_success:
            return None
        cmf.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
        cmf.delete(f"{path}/{name}?force=true").raise_for_status()
        return f"{path}/{name} removed by force"

    return leave
