"""Many applications, written straight into a hub's database while no hub runs on it, and what they look like."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from cmf_core.models import DEFAULT_CLUSTER, FlinkApplication
from cmf_hub.clock import SystemClock
from cmf_hub.flink.manifests import manifest
from cmf_hub.flink.placement import APPLICATION, ENVIRONMENT, Placement
from cmf_hub.flink.status import reported
from cmf_hub.services.documents import created, resource_content
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record, Store, Transaction

from tests.performance.client import FIRST
from tests.support.hub import application

NAMESPACE = "flink"
_TEAMS = ("payments", "orders", "search", "ads", "fraud", "maps", "mail", "games", "music", "news")
_STATES = ("RUNNING",) * 9 + ("FAILED",)
_CHANGES = 1000


def environment(name: str, cluster: str = DEFAULT_CLUSTER) -> Record:
    """Return the record of an environment."""
    document: dict[str, Any] = {"kubernetesNamespace": NAMESPACE, "kubernetesClusterName": cluster, "metadata": {}}
    return created(Key(ENVIRONMENT, "", name), document, SystemClock())


def numbered(of: Record, number: int, *, labelled: bool) -> Record:
    """Return the record of one of many applications; the labels of one in ten are the same."""
    name = f"app-{number}"
    sent = application(name)
    if labelled:
        sent["metadata"]["labels"] = {"team": _TEAMS[number % 10], "tier": "gold" if number % 100 == 0 else "basic"}
    content = resource_content(FlinkApplication.parse(sent))
    return created(Key(APPLICATION, of.name, name), content, SystemClock(), uid=f"uid-{number}")


def deployment_body(of: Record) -> str:
    """Return the FlinkDeployment of the applications as the hub makes it, as text with `{n}` for their number."""
    made = manifest(Placement(numbered(of, FIRST, labelled=False), of), Settings())
    return json.dumps({"apiVersion": "flink.apache.org/v1beta1", **made}).replace(str(FIRST), "{n}")


def status_body() -> str:
    """Return the operator's status of a running application, as text with `{n}` for its number."""
    return json.dumps({"status": _operator_status(FIRST, "RUNNING")}).replace(str(FIRST), "{n}")


async def fill(database: Path, of: Record, many: int, already: int = 0, *, varied: bool = False) -> None:
    """Write an environment and its applications `already ... many - 1`, as the hub has them once they run.

    Args:
        database: the hub's file.
        of: the environment.
        many: how many applications there are afterwards.
        already: how many there are before.
        varied: with labels, and one in ten FAILED.
    """
    store = await Store.open(database)
    try:
        for start in range(already, many, _CHANGES):
            numbers = range(start, min(start + _CHANGES, many))

            def write(transaction: Transaction, numbers: range = numbers) -> None:
                transaction.put(of)
                for number in numbers:
                    transaction.put(_deployed(of, FIRST + number, varied=varied))

            await store.transact(write)
    finally:
        await store.close()


def _deployed(of: Record, number: int, *, varied: bool) -> Record:
    record = numbered(of, number, labelled=varied)
    placed = Placement(record, of)
    found = {**manifest(placed, Settings()), "status": _operator_status(number, _STATES[number % 10 if varied else 0])}
    return replace(record, status=reported(placed, found))


def _operator_status(number: int, state: str) -> dict[str, Any]:
    return {
        "lifecycleState": "STABLE" if state == "RUNNING" else "FAILED",
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {
            "jobId": f"{number:032d}",
            "jobName": "State machine job",
            "state": state,
            "startTime": "1763714000000",
            "updateTime": "1763714100000",
            "checkpointInfo": {"lastPeriodicCheckpointTimestamp": 0},
            "savepointInfo": {"lastPeriodicSavepointTimestamp": 0, "savepointHistory": []},
        },
        "clusterInfo": {"flink-version": "1.20.1", "flink-revision": "unknown", "total-cpu": "2.0"},
        "taskManager": {"labelSelector": "component=taskmanager,app=app", "replicas": 1},
        "reconciliationStatus": {"reconciliationTimestamp": 1763714000000, "state": "DEPLOYED"},
    }
