"""Statements: SQL that runs on a compute pool."""

from __future__ import annotations

from cmf_core.errors import Conflict, Unprocessable
from cmf_core.models import ComputePool, PoolPhase, PoolType, Statement, StatementPhase, StatementSpec
from cmf_core.rules import enforce, names, savepoints, statements

from cmf_hub.flink.objects import POOL, STATEMENT
from cmf_hub.flink.savepoints import with_start, without
from cmf_hub.services.documents import changed, created, resource_content
from cmf_hub.services.object_names import enforce_free
from cmf_hub.services.savepoints import next_nonce, path_to_start_from
from cmf_hub.services.writes import Writes, environment_of, existing, not_deleting
from cmf_hub.store import Key, Record, Transaction


class StatementService:
    """Operations on statements."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes

    async def create(self, environment: str, sent: Statement) -> Record:
        """Create a statement and submit it to its pool.

        Raises:
            BadRequest, Unprocessable: the statement breaks a rule, or its cluster refuses it.
            Conflict: it exists, its pool does not take statements, or its Kubernetes object's name is taken.
            NotFound, ClusterUnavailable: its environment is missing, its cluster not CONNECTED.
        """
        name, pool = sent.name, sent.spec.compute_pool_name
        enforce(names.resource_name(STATEMENT, name), names.deployment_name(STATEMENT, name))
        if sent.spec.start_from_savepoint is not None:
            raise Unprocessable(f"Statement '{name}': spec.startFromSavepoint is only for updates: remove it")
        key = Key(STATEMENT, environment, name)
        document = resource_content(sent)

        def change(transaction: Transaction, present: Record | None) -> Record:
            if present is not None:
                raise Conflict(f"Statement '{name}' already exists in environment '{environment}'.")
            record = transaction.get(Key(POOL, environment, pool))
            enforce(statements.known_pool(name, pool, exists=record is not None, environment=environment))
            assert record is not None
            enforce(statements.accepting_pool(name, pool, *_pool(record)))
            enforce_free(transaction, key, environment_of(transaction, environment))
            return created(key, document, self._writes.clock)

        return await self._writes.put(key, change)

    async def update(self, environment: str, name: str, sent: Statement) -> None:
        """Stop, resume or rescale a statement, or change its labels and configuration.

        A `startFromSavepoint` that it did not have before starts the job from that savepoint; the same again does not.

        Raises:
            Conflict: its phase does not allow that, or it is being deleted.
            Unprocessable: an attempt to change its text or pool, or a savepoint that is not COMPLETED.
            NotFound, ClusterUnavailable: as `create`.
        """
        key = Key(STATEMENT, environment, name)
        document = resource_content(sent)

        def change(transaction: Transaction, record: Record | None) -> Record:
            present = not_deleting(existing(record, key))
            before = Statement.parse(present.document).spec
            enforce(statements.allowed_change(name, _phase(present), before, sent.spec))
            if before.stopped and not sent.spec.stopped:
                pool = transaction.get(Key(POOL, environment, before.compute_pool_name))
                if pool is not None:
                    enforce(statements.accepting_pool(name, pool.name, *_pool(pool)))
            return self._started(transaction, changed(present, document, self._writes.clock), before, sent.spec)

        await self._writes.put(key, change)

    def _started(self, transaction: Transaction, record: Record, before: StatementSpec, sent: StatementSpec) -> Record:
        """Return the record of a statement that is to start from the savepoint that its specification names."""
        start = sent.start_from_savepoint
        if start is None:
            return without(record, "start")
        new = start != before.start_from_savepoint
        enforce(savepoints.start_of_statement(record.name, _phase(record), start, new=new, stopped=sent.stopped))
        if not new:
            return record
        path = start.initial_savepoint_path
        enforce(savepoints.durable_path(record.name, path, required=False))
        if path is None:
            path = path_to_start_from(transaction, record.key, uid=start.uid, name=start.savepoint_name)
        named = start.savepoint_name or start.uid
        enforce(savepoints.known_to_statement(record.name, str(named), exists=path is not None))
        last = ((record.private or {}).get("start") or {}).get("savepointRedeployNonce")
        nonce = start.savepoint_redeploy_nonce or next_nonce(self._writes.clock, last)
        return with_start(record, str(path), nonce)

    async def delete(self, environment: str, name: str, *, force: bool) -> bool:
        """Delete a statement; True if it is gone, False if its job still ends on the cluster.

        `force` removes the record at once without a call to the cluster, where the job may go on.
        """
        key = Key(STATEMENT, environment, name)
        if force:
            await self._writes.forget(key, _always, has_object=lambda _: True)
            return True
        return await self._writes.delete(key, _always)


def _pool(record: Record) -> tuple[PoolType, PoolPhase]:
    model = ComputePool.parse(record.document)
    return model.spec.type, PoolPhase((record.status or {}).get("phase", PoolPhase.PENDING))


def _phase(record: Record) -> StatementPhase:
    return StatementPhase((record.status or {}).get("phase", StatementPhase.PENDING))


def _always(_: Transaction, __: Record) -> None:
    """Nothing refuses the deletion of a statement."""
