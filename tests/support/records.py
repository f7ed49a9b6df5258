"""What tests of the store put into it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cmf_hub.store import Entry, Key, Query, Record, Store, Transaction

NOW = "2026-01-01T00:00:00.000Z"


def record(name: str, scope: str = "env", kind: str = "Statement", **fields: object) -> Record:
    """Return a record with what is usual for the rest."""
    labels = fields.pop("labels", {})
    document = {"metadata": {"name": name, "labels": labels}, "spec": fields.pop("spec", {})}
    new = Record(
        Key(kind, scope, name), f"uid-{name}", 1, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", document
    )
    return replace(new, **fields)  # type: ignore[arg-type]


def putting(*records: Record) -> Callable[[Transaction], None]:
    """Return a change that puts records."""

    def work(transaction: Transaction) -> None:
        for each in records:
            transaction.put(each)

    return work


def appending(*entries: Entry, keep: int = 100, but: str | None = None) -> Callable[[Transaction], None]:
    """Return a change that appends entries, and prunes their kind."""

    def work(transaction: Transaction) -> None:
        for each in entries:
            transaction.history.append(each)
            transaction.history.prune(each.scope, each.kind, keep, (but, None))

    return work


def entry(name: str, scope: str = "uid-app", kind: str = "Event", **status: object) -> Entry:
    """Return an entry of a history."""
    return Entry(scope, kind, name, {"metadata": {"name": name, "by": scope}}, status)


def names(store: Store, scope: str = "uid-app", **fields: Any) -> list[str]:
    """Return the names of a resource's events, as a list has them."""
    return [row.key.name for row in store.page(Query("Event", scope, table="history", **fields))]
