"""A resource as the store keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Key(NamedTuple):
    """Identity of a resource: kind, scope (environment, or "" for what is global) and name."""

    kind: str
    scope: str
    name: str

    def __str__(self) -> str:
        """Kind and path as messages and logs show them."""
        return f"{self.kind} {self.scope}/{self.name}" if self.scope else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Record:
    """One resource.

    Attributes:
        key: its identity.
        uid: made when the resource is created; a resource deleted and created again has another one.
        generation: 1 at creation, one more with each change of `document`.
        created: RFC 3339 time of creation.
        updated: RFC 3339 time of the last change of `document`.
        document: the resource as it is sent to clients, without its status.
        status: last known status, or None if there is none yet.
        deleting: the resource is being deleted and waits for its Kubernetes object to go.
        dirty: the Kubernetes object may differ from the document: the reconciler has work to do.
        instance: name of an application's present instance, with which its pods are annotated; None for other
            kinds, and for an application that has not changed since before there were instances.
        private: what only the hub knows of it and no client sees, as in the nonce of its newest savepoint.
    """

    key: Key
    uid: str
    generation: int
    created: str
    updated: str
    document: dict[str, Any] = field(repr=False)
    status: dict[str, Any] | None = field(default=None, repr=False)
    deleting: bool = False
    dirty: bool = False
    instance: str | None = None
    private: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Name of the resource."""
        return self.key.name

    @property
    def spec(self) -> dict[str, Any]:
        """The document's spec; empty for the flat kind Environment."""
        spec = self.document.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def state(self) -> str | None:
        """What it is in, for lists: phase of a pool or statement, state of an application's job; None of the others."""
        status = self.status or {}
        state = status.get("phase") or (status.get("jobStatus") or {}).get("state")
        return state if isinstance(state, str) else None


class Row(NamedTuple):
    """A resource as text, for lists that send it on without parsing it."""

    key: Key
    document: str
    status: str | None
    deleting: bool


class Ddl(NamedTuple):
    """A statement that changed tables or views, to be carried out again wherever they are needed.

    Attributes:
        environment: the environment whose default catalog it belongs to; "" for that of a KafkaCatalog.
        catalog: the catalog that it was carried out in; "" for the default catalog.
        database: the database that it was carried out in; "" for the default one.
        statement: its text.
    """

    environment: str
    catalog: str
    database: str
    statement: str


@dataclass(frozen=True)
class Orphan:
    """A Kubernetes object that a forced deletion may have left behind (C53).

    Attributes:
        cluster: where it is.
        kind: kind of the resource that was deleted, as in `FlinkApplication`.
        namespace: its namespace on the cluster.
        name: its name, and that of the deleted resource.
        uid: uid of the deleted resource, which the object has as a label.
        since: RFC 3339 time of the forced deletion.
        environment: environment of the deleted resource; "" if an older hub did not write it down.
    """

    cluster: str
    kind: str
    namespace: str
    name: str
    uid: str
    since: str
    environment: str
