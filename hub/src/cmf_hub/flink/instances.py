"""Instances: which specifications of an application were deployed, and how their jobs fared. Pure.

An instance is made by every change of the deployed specification, the application's own with its environment's
defaults over it; so also by a change of these defaults, which the hub deploys at once, by suspending, by resuming and
by starting from a savepoint. The exception is what the operator takes up without new pods, such as an upgradeMode or
a nonce: pods are annotated with their instance, and a new annotation would restart the job. The first instance after
it shows it.

A job's state goes to the instance that the operator has deployed. A job that ends because a new specification is to be
deployed, or to suspend it, is that of the instance before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from cmf_core.models import API_VERSION
from cmf_core.rules.restarts import needs_new_pods

from cmf_hub.flink.annotations import annotated
from cmf_hub.flink.application_status import CURRENT_INSTANCE
from cmf_hub.flink.manifests import application_spec
from cmf_hub.flink.placement import Placement
from cmf_hub.store import Entry, Record

INSTANCE = "FlinkApplicationInstance"

_JOB_ENDS = ("UPGRADING", "SUSPENDED")


def instance_spec(placed: Placement) -> dict[str, Any]:
    """Return the deployed spec of an application as its present instance shows it."""
    return annotated(application_spec(placed), placed.record.instance)


def next_instance(deployed: Mapping[str, Any] | None, after: Placement) -> str | None:
    """Return the instance of an application after a change; its present one if that needs no new pods.

    `deployed` is the spec of that one, or None if nothing is deployed yet.
    """
    if deployed is not None and not needs_new_pods(deployed, instance_spec(after)):
        return after.record.instance
    return str(uuid4())


def instance_entry(placed: Placement, now: str) -> Entry:
    """Return the present instance of an application as it begins."""
    name = placed.record.instance
    assert name is not None, f"{placed.record.key} has no instance"
    document = {
        "apiVersion": API_VERSION,
        "kind": INSTANCE,
        "metadata": {"name": name, "uid": name, "creationTimestamp": now, "updateTimestamp": now},
    }
    status = {"spec": instance_spec(placed), "jobStatus": {"jobId": "", "state": ""}}
    return Entry(placed.record.uid, INSTANCE, name, document, status)


def current(record: Record) -> str | None:
    """Return the instance that the status of an application speaks of: the deployed one, else the present one."""
    return (record.status or {}).get(CURRENT_INSTANCE) or record.instance


def holder(before: Record, after: Record) -> str | None:
    """Return the instance whose job a new status of an application shows, or None."""
    record = before if (after.status or {}).get("lifecycleState") in _JOB_ENDS else after
    return (record.status or {}).get(CURRENT_INSTANCE)


def followed(instance: Entry, after: Record, now: str) -> Entry:
    """Return the instance with the job of a new status, if that is its job."""
    job = (after.status or {}).get("jobStatus") or {}
    shown = {"jobId": str(job.get("jobId") or ""), "state": str(job.get("state") or "")}
    known = instance.status["jobStatus"]
    ends = (after.status or {}).get("lifecycleState") in _JOB_ENDS
    if shown == known or (ends and not (shown["jobId"] == known["jobId"] != "")):
        return instance
    metadata = {**instance.document["metadata"], "updateTimestamp": now}
    return Entry(
        instance.scope,
        instance.kind,
        instance.name,
        {**instance.document, "metadata": metadata},
        {**instance.status, "jobStatus": shown},
    )
