"""Statements: SQL that runs on a compute pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cmf_core.errors import Conflict, Unprocessable
from cmf_core.models import ComputePool, PoolPhase, PoolType, Statement, StatementPhase, StatementSpec
from cmf_core.rules import enforce, names, operator, savepoints, statements

from cmf_hub.flink.manifests import statement_spec
from cmf_hub.flink.placement import POOL, STATEMENT, is_shared, places, sql_part
from cmf_hub.flink.recorder import placed
from cmf_hub.flink.savepoints import with_start, without
from cmf_hub.flink.sql import Kind, kind
from cmf_hub.flink.statement_key import encrypted, ensure_key
from cmf_hub.services.documents import changed, created, resource_content
from cmf_hub.services.object_names import enforce_free
from cmf_hub.services.planner import Plan, Planner
from cmf_hub.services.queries import Queries
from cmf_hub.services.results import Results
from cmf_hub.services.savepoints import next_nonce, path_to_start_from
from cmf_hub.services.writes import Writes, environment_of, existing, not_deleting
from cmf_hub.store import Key, Record, Store, Transaction


class StatementService:
    """Operations on statements.

    Args:
        writes: carries changes out.
        planner: has Flink plan statements.
        queries: runs those whose rows go to whoever asks.
        results: answers with rows.
        driver: jobs on DEDICATED pools are run by Flink's own driver.
    """

    def __init__(self, writes: Writes, planner: Planner, queries: Queries, results: Results, *, driver: bool) -> None:
        self._writes = writes
        self._planner = planner
        self._queries = queries
        self._results = results
        self._driver = driver

    async def create(self, environment: str, sent: Statement) -> Record:
        """Create a statement: Flink plans it, and answers it or it is submitted to its pool.

        SQL that Flink refuses makes a statement that is FAILED, and says why.

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
        document = _content(sent)
        plan, part = await self._planned(key, pool, document)

        def change(transaction: Transaction, present: Record | None) -> Record:
            self._accepting_pool(transaction, key, pool, present)
            enforce_free(transaction, key, environment_of(transaction, environment))
            if plan.ddl is not None:
                transaction.add_ddl(plan.ddl)
            answer = {"result": plan.result} if plan.result is not None else {}
            return replace(created(key, document | answer, self._writes.clock), private={"sql": part})

        record = await self._writes.put(key, change)
        self._queries.follow(record)
        return record

    async def _planned(self, key: Key, pool: str, document: Mapping[str, Any]) -> tuple[Plan, dict[str, Any]]:
        """Return the plan of a new statement, and what the hub keeps of it."""
        self._writes.writable(key.scope)
        store = self._writes.store
        environment = environment_of(store, key.scope)
        on = self._accepting_pool(store, key, pool, store.get(key))
        _enforce_effective(key.name, document["spec"], environment, on)
        plan = await self._planner.plan(environment, on, document["spec"])
        part: dict[str, Any] = {"traits": dict(plan.traits)}
        if plan.phase is not StatementPhase.PENDING:
            part["outcome"] = {"phase": str(plan.phase), "detail": plan.detail}
        elif plan.detail:
            part["notice"] = plan.detail
        if plan.phase is StatementPhase.PENDING and kind(str(document["spec"]["statement"])) is Kind.JOB:
            part |= await self._script(environment, on, key.name, plan.steps, secret=plan.secret)
        return plan, part

    async def _script(
        self, environment: Record, pool: Record, name: str, steps: tuple[str, ...], *, secret: bool
    ) -> dict[str, Any]:
        """Return what the job of a statement is told to do first."""
        if not steps:
            return {}
        if self._driver and not is_shared(pool):
            if secret:
                raise Unprocessable(
                    f"Statement '{name}': its catalogs need secrets, which Flink's SqlDriver takes in readable "
                    "arguments only: use CMF_SQL_RUNNER=jar, or a SHARED pool"
                )
            return {"steps": list(steps)}
        return {"script": encrypted(steps, await ensure_key(self._writes.writable(environment.name), environment))}

    def _accepting_pool(self, source: Store | Transaction, key: Key, pool: str, present: Record | None) -> Record:
        """Return the pool of a new statement.

        Raises:
            Conflict: the statement exists, or the pool takes none.
            Unprocessable: there is no such pool.
        """
        if present is not None:
            raise Conflict(f"Statement '{key.name}' already exists in environment '{key.scope}'.")
        record = source.get(Key(POOL, key.scope, pool))
        enforce(statements.known_pool(key.name, pool, exists=record is not None, environment=key.scope))
        assert record is not None
        enforce(statements.accepting_pool(key.name, pool, *_pool(record)))
        return record

    async def update(self, environment: str, name: str, sent: Statement) -> None:
        """Stop, resume or rescale a statement, or change its labels and configuration.

        A `startFromSavepoint` that it did not have before starts the job from that savepoint; the same again does not.

        Raises:
            Conflict: its phase does not allow that, or it is being deleted.
            Unprocessable: an attempt to change its text or pool, or a savepoint that is not COMPLETED.
            NotFound, ClusterUnavailable: as `create`.
        """
        key = Key(STATEMENT, environment, name)
        document = _content(sent)
        part = await self._fresh_part(key, sent)

        def change(transaction: Transaction, record: Record | None) -> Record:
            present = not_deleting(existing(record, key))
            before = Statement.parse(present.document).spec
            enforce(statements.allowed_change(name, _phase(present), before, sent.spec))
            pool = transaction.get(Key(POOL, environment, before.compute_pool_name))
            if pool is not None and before.stopped and not sent.spec.stopped:
                enforce(statements.accepting_pool(name, pool.name, *_pool(pool)))
            if pool is not None and _configured(document["spec"]) != _configured(present.spec):
                _enforce_effective(name, document["spec"], environment_of(transaction, environment), pool)
            kept = {"result": present.document["result"]} if "result" in present.document else {}
            after = changed(present, document | kept, self._writes.clock)
            if after is not present and part is not None:
                after = replace(after, private={**(after.private or {}), "sql": {**sql_part(after), **part}})
            return self._started(transaction, after, before, sent.spec)

        record = await self._writes.put(key, change)
        if record.spec.get("stopped"):
            await self._queries.end(record)
        self._queries.follow(record)

    async def _fresh_part(self, key: Key, sent: Statement) -> dict[str, Any] | None:
        """Return the script of a job that starts anew by this update: what its environment sees now."""
        store = self._writes.store
        present, pool = store.get(key), store.get(Key(POOL, key.scope, sent.spec.compute_pool_name))
        if present is None or pool is None or present.deleting or kind(sent.spec.statement) is not Kind.JOB:
            return None
        before = Statement.parse(present.document).spec
        if sent.spec.stopped or (before.stopped, before.parallelism) == (False, sent.spec.parallelism):
            return None
        self._writes.writable(key.scope)
        steps, secret = self._planner.steps(key.scope, sent.spec.properties or {})
        return await self._script(environment_of(store, key.scope), pool, key.name, steps, secret=secret)

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
        enforce(savepoints.operated(str(record.key), has_object=bool(places(placed(transaction, record)))))
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
            await self._writes.forget(key, _always, has_object=lambda record: "outcome" not in sql_part(record))
            return True
        self._writes.writable(environment)
        await self._queries.end(self._writes.present(key))
        return await self._writes.delete(key, _always)

    async def results(self, environment: str, name: str, token: str | None) -> Mapping[str, Any]:
        """Return a page of a statement's results; see `Queries.results`."""
        return await self._results.page(Key(STATEMENT, environment, name), token)


def _enforce_effective(name: str, spec: Mapping[str, Any], environment: Record, pool: Record) -> None:
    """Refuse a configuration that no operator takes, with the pool's under it and the environment's over it (D17)."""
    enforce(operator.refused(f"{STATEMENT} '{name}': spec", statement_spec(spec, environment, pool)))


def _configured(spec: Mapping[str, Any]) -> tuple[Any, Any]:
    return spec.get("flinkConfiguration"), spec.get("properties")


def _content(sent: Statement) -> dict[str, Any]:
    content = resource_content(sent)
    content.pop("result", None)  # the hub's to say
    return content


def _pool(record: Record) -> tuple[PoolType, PoolPhase]:
    model = ComputePool.parse(record.document)
    return model.spec.type, PoolPhase((record.status or {}).get("phase", PoolPhase.PENDING))


def _phase(record: Record) -> StatementPhase:
    return StatementPhase((record.status or {}).get("phase", StatementPhase.PENDING))


def _always(_: Transaction, __: Record) -> None:
    """Nothing refuses the deletion of a statement."""
