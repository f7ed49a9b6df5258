"""Instances and events into the store, in the transaction of the change or status that they tell of.

So neither a crash nor a second look at the same state loses one or doubles it. What a change adds is pruned when the
cluster has taken the change, so that refused ones do not drive out what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cmf_core.models import timestamp

from cmf_hub.clock import Clock
from cmf_hub.flink.events import CMF_STATUS, EVENT, event, of_change, of_exception, of_status
from cmf_hub.flink.instances import INSTANCE, current, followed, holder, instance_entry, instance_spec, next_instance
from cmf_hub.flink.placement import APPLICATION, Placement
from cmf_hub.settings import Settings
from cmf_hub.store import Record, Transaction

Noted = tuple[str, ...]
"""Names of entries that a change added."""


class ApplicationHistory:
    """What is remembered of applications; of other kinds nothing is."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._events = settings.application_events_max_events_per_application
        self._instances = settings.application_instances_max_instances_per_application

    def change(
        self,
        transaction: Transaction,
        before: Placement | None,
        after: Placement,
        updated: str = "FlinkApplication updated",
    ) -> tuple[Record, Noted]:
        """Note a change that was asked for; return the record to write, with its instance, and what was noted.

        Args:
            transaction: in which the change is written.
            before: the resource before it; None if it is created.
            after: the resource after it.
            updated: message of the event if it is an update.
        """
        record = after.record
        if record.key.kind != APPLICATION:
            return record, ()
        now, entries = timestamp(self._clock.now()), []
        instance = record.instance
        if before is None or (record.generation != before.record.generation and not record.deleting):
            instance = next_instance(_deployed(transaction, before), after)
        if instance != record.instance:
            record = replace(record, instance=instance)
            after = replace(after, record=record)
            entries.append(instance_entry(after, now))
        entries += of_change(before.record if before else None, after, updated, now)
        for entry in entries:
            transaction.history.append(entry)
        return record, tuple(entry.name for entry in entries)

    def adopted(self, transaction: Transaction, placed: Placement, instance: str | None) -> Record:
        """Note that an application is taken back with its job; return its record, with its instance.

        That is the `instance` of its pods, unless the environment's defaults have changed since; without one it gets
        none, because its job would be restarted to annotate them.
        """
        as_found = replace(placed, environment=replace(placed.environment, document={}))
        record = replace(placed.record, instance=next_instance(instance_spec(as_found), placed) or instance)
        now, placed = timestamp(self._clock.now()), replace(placed, record=record)
        if record.instance is not None:
            transaction.history.append(instance_entry(placed, now))
        message = "FlinkApplication created from what its forced deletion left behind"
        transaction.history.append(event(record, CMF_STATUS, message, None, now))
        return record

    def refused(self, transaction: Transaction, record: Record, noted: Noted) -> None:
        """Take back what was noted of a change that did not happen."""
        transaction.history.remove(record.uid, noted)

    def taken_back(self, transaction: Transaction, record: Record) -> None:
        """Note that a change was taken back although it may have happened for a while."""
        if record.key.kind == APPLICATION:
            text = "FlinkApplication update taken back: its cluster did not answer"
            transaction.history.append(event(record, CMF_STATUS, text, None, timestamp(self._clock.now())))

    def status(self, transaction: Transaction, before: Record, after: Placement) -> None:
        """Note what a new status tells."""
        record = after.record
        if record.key.kind != APPLICATION:
            return
        now = timestamp(self._clock.now())
        events = list(of_status(before.status, after, now))
        for entry in events:
            transaction.history.append(entry)
        name = holder(before, record)
        instance = transaction.history.get(record.uid, INSTANCE, name) if name else None
        if instance is not None:
            changed = followed(instance, record, now)
            if changed is not instance:
                transaction.history.rewrite(changed)
        if events:
            self.prune(transaction, record)

    def exception(self, transaction: Transaction, placed: Placement, exception: str) -> None:
        """Note an exception of an application's job, as Java prints it."""
        entry = of_exception(placed, exception.partition("\n")[0], exception, timestamp(self._clock.now()))
        transaction.history.append(entry)
        self.prune(transaction, placed.record)

    def prune(self, transaction: Transaction, record: Record) -> None:
        """Forget the oldest entries of an application that are too many; never its present or deployed instance."""
        if record.key.kind == APPLICATION:
            transaction.history.prune(record.uid, EVENT, self._events)
            transaction.history.prune(record.uid, INSTANCE, self._instances, (record.instance, current(record)))


def _deployed(transaction: Transaction, before: Placement | None) -> Mapping[str, Any] | None:
    """Return the spec that is deployed before a change: that of the present instance, if there is one."""
    if before is None:
        return None
    name = before.record.instance
    instance = transaction.history.get(before.record.uid, INSTANCE, name) if name else None
    return instance.status["spec"] if instance else instance_spec(before)
