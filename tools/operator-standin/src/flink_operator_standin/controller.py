"""The controller: follows the objects of one cluster and runs the machine's reconciliations on them."""

import asyncio
import logging
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kubernetes.aio.client.exceptions import ApiException

from flink_operator_standin import machine
from flink_operator_standin.effects import Emit, Json, Kind, Memory, Replace, Wait, WriteStatus
from flink_operator_standin.kube import UNREACHABLE, Cluster
from flink_operator_standin.machine import PLURALS, Key
from flink_operator_standin.timings import Timings

_FIRST_RETRY, _LAST_RETRY = 0.2, 5.0
"""Seconds between attempts while the API server does not answer: the first wait, and the longest."""

log = logging.getLogger("flink_operator_standin")


class SystemClock:
    """The machine's clock."""

    def epoch(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()


class Objects:
    """The objects as last seen."""

    def __init__(self) -> None:
        self._known: dict[Key, Json] = {}

    def __iter__(self) -> Iterator[Json]:
        return iter(list(self._known.values()))

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        return self._known.get((kind, namespace, name))

    def session_jobs(self, namespace: str, deployment: str) -> Iterable[Json]:
        """The session jobs of a cluster."""
        for (kind, job_namespace, _), job in list(self._known.items()):
            if (kind, job_namespace) == ("FlinkSessionJob", namespace) and job["spec"].get(
                "deploymentName"
            ) == deployment:
                yield job

    def put(self, resource: Json) -> tuple[bool, Json | None]:
        """Keep the object unless a newer version of it is known; whether it is news, and what was known before."""
        resource.setdefault("spec", {})
        key = machine.key_of(resource)
        before = self._known.get(key)
        if before is not None and _version(before) >= _version(resource):
            return False, before
        self._known[key] = resource
        return True, before

    def drop(self, key: Key) -> Json | None:
        """Forget the object; what was known of it."""
        return self._known.pop(key, None)


def _version(resource: Json) -> int:
    return int(resource["metadata"]["resourceVersion"])


@dataclass
class _Work:
    """The state of one object's reconciliations."""

    uid: str
    memory: Memory = field(default_factory=Memory)
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    woken: bool = False
    failures: int = 0


class Controller:
    """Plays the operator on one cluster until it is cancelled."""

    def __init__(self, cluster: Cluster, namespaces: Iterable[str], timings: Timings) -> None:
        self._cluster = cluster
        self._scopes: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self._timings = timings
        self._clock = SystemClock()
        self._objects = Objects()
        self._work: dict[Key, _Work] = {}
        self._unlisted = {(kind, scope) for kind in PLURALS for scope in self._scopes}

    async def run(self) -> None:
        """Follow all kinds; a cluster that does not answer is tried again for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                for kind, scope in sorted(self._unlisted, key=str):
                    group.create_task(self._follow(kind, scope))
        finally:
            tasks = [work.task for work in self._work.values() if work.task]
            for work in self._work.values():
                if work.timer:
                    work.timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, kind: Kind, scope: str | None) -> None:
        """List and watch one kind, again and again."""
        wait = _FIRST_RETRY
        while True:
            try:
                items, version = await self._cluster.list(kind, scope)
                self._listed(kind, scope, items)
                if wait != _FIRST_RETRY:
                    log.info("following again", extra={"fields": {"kind": kind}})
                wait = _FIRST_RETRY
                while True:
                    version = await self._watch(kind, scope, version)
            except ApiException as error:
                if error.status == 404:
                    self._listed(kind, scope, [])
                if error.status != 410:
                    self._tell_failure(kind, f"{error.status} {error.reason}", wait)
            except UNREACHABLE as error:
                self._tell_failure(kind, f"{type(error).__name__}: {error}", wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LAST_RETRY)

    def _tell_failure(self, kind: Kind, why: str, wait: float) -> None:
        level = logging.WARNING if wait == _FIRST_RETRY else logging.DEBUG
        log.log(level, "cannot follow, trying again", extra={"fields": {"kind": kind, "error": why}})

    async def _watch(self, kind: Kind, scope: str | None, version: str) -> str:
        """Take in changes until the server ends the watch; the version to go on from."""
        async for type_, resource in self._cluster.watch(kind, scope, version):
            version = resource["metadata"]["resourceVersion"]
            if type_ == "DELETED":
                self._gone(machine.key_of(resource), resource["metadata"]["uid"])
            elif type_ in ("ADDED", "MODIFIED"):
                self._seen(resource)
        return version

    def _listed(self, kind: Kind, scope: str | None, items: list[Json]) -> None:
        present = {machine.key_of(item) for item in items}
        for known in self._objects:
            key = machine.key_of(known)
            if key[0] == kind and scope in (None, key[1]) and key not in present:
                self._gone(key, known["metadata"]["uid"])
        for item in items:
            self._seen(item)
        if (kind, scope) in self._unlisted:
            self._unlisted.discard((kind, scope))
            if not self._unlisted:
                log.info("taking over", extra={"fields": {"objects": len(list(self._objects))}})
                for known in self._objects:
                    self._wake(machine.key_of(known))

    def _seen(self, resource: Json) -> None:
        """Take in a version of an object, and wake what it gives something to do."""
        news, before = self._objects.put(resource)
        if not news:
            return
        for key in machine.dependants(before, resource, self._objects):
            self._wake(key)
        if machine.wakes(before, resource):
            self._wake(machine.key_of(resource))

    def _gone(self, key: Key, uid: str) -> None:
        known = self._objects.get(*key)
        if known is None or known["metadata"]["uid"] != uid:
            return
        self._objects.drop(key)
        work = self._work.pop(key, None)
        if work is not None and work.timer:
            work.timer.cancel()
        log.info("gone", extra={"fields": _names(key)})
        for other in machine.dependants(known, None, self._objects):
            self._wake(other)

    def _wake(self, key: Key) -> None:
        """Reconcile the object now, or once more if it is being reconciled."""
        known = self._objects.get(*key)
        if known is None or self._unlisted:
            return
        work = self._work.get(key)
        if work is None or work.uid != known["metadata"]["uid"]:
            if work is not None and work.task:
                work.task.cancel()
            work = self._work[key] = _Work(known["metadata"]["uid"])
        if work.timer:
            work.timer.cancel()
            work.timer = None
        if work.task is not None:
            work.woken = True
        else:
            work.task = asyncio.get_running_loop().create_task(self._reconcile(key, work))

    async def _reconcile(self, key: Key, work: _Work) -> None:
        again: float | None = None
        try:
            again = await self._play(key, work)
            work.failures = 0
        except ApiException as error:
            if error.status != 404:
                again = self._after_failure(key, work, f"{error.status} {error.reason}")
        except UNREACHABLE as error:
            again = self._after_failure(key, work, f"{type(error).__name__}: {error}")
        except Exception:
            # One object that the machine cannot take must not end the service of all others.
            log.exception("reconciliation broke", extra={"fields": _names(key)})
            again = _LAST_RETRY
        work.task = None
        if self._work.get(key) is not work:
            return
        if work.woken:
            work.woken = False
            self._wake(key)
        elif again is not None:
            work.timer = asyncio.get_running_loop().call_later(again, self._wake, key)

    def _after_failure(self, key: Key, work: _Work, why: str) -> float:
        wait = min(_FIRST_RETRY * 2.0**work.failures, _LAST_RETRY)
        work.failures += 1
        log.warning("reconciliation failed, trying again", extra={"fields": {**_names(key), "error": why}})
        return wait

    async def _play(self, key: Key, work: _Work) -> float | None:
        """Run one reconciliation against the cluster; the seconds after which it is to be run again."""
        now = self._objects.get(*key)
        if now is None:
            return None
        context = machine.begin(now, self._objects, work.memory, self._timings, self._clock, lambda: uuid.uuid4().hex)
        steps = machine.reconcile(context)
        while True:
            try:
                effect = next(steps)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            match effect:
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Emit():
                    await self._cluster.record(now, effect)
                case WriteStatus(status):
                    now = await self._cluster.replace_status(now, status)
                    log.info("status", extra={"fields": {**_names(key), **_summary(now)}})
                    self._seen(now)
                case Replace(resource):
                    resource["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
                    now = await self._cluster.replace(resource)
                    log.info("object", extra={"fields": {**_names(key), **_summary(now)}})
                    metadata = now["metadata"]
                    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
                        self._seen(now)


def _names(key: Key) -> Json:
    kind, namespace, name = key
    return {"kind": kind, "namespace": namespace, "name": name}


def _summary(resource: Json) -> Json:
    """What a log line tells of an object."""
    status = resource.get("status") or {}
    told = {
        "generation": resource["metadata"]["generation"],
        "finalizers": resource["metadata"].get("finalizers"),
        "lifecycleState": status.get("lifecycleState"),
        "jobManager": status.get("jobManagerDeploymentStatus"),
        "job": (status.get("jobStatus") or {}).get("state"),
        "state": status.get("state"),
        "error": status.get("error"),
    }
    return {name: value for name, value in told.items() if value is not None}
