"""What forced deletions left on a cluster: shown, cleaned away, or taken back (C53). CMF's API has no such calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cmf_core.errors import Conflict, NotFound, Unprocessable
from cmf_core.models import CleanedOrphans, FlinkApplication, OrphanedObject

from cmf_hub.clusters.records import KIND as CLUSTER
from cmf_hub.flink.annotations import instance_of, unannotated
from cmf_hub.flink.marks import generation_of, metadata_of
from cmf_hub.flink.orphans import Orphans
from cmf_hub.flink.placement import APPLICATION, ENVIRONMENT
from cmf_hub.flink.recorder import placed
from cmf_hub.flink.status import reported
from cmf_hub.services.applications import enforce_effective, enforce_spec
from cmf_hub.services.documents import created, resource_content
from cmf_hub.services.object_names import enforce_free
from cmf_hub.services.writes import Writes, existing, place
from cmf_hub.store import Key, Orphan, Record, Transaction


class OrphanService:
    """Operations on the orphans of a cluster."""

    def __init__(self, writes: Writes) -> None:
        self._store = writes.store
        self._registry = writes.registry
        self._reconciler = writes.reconciler
        self._clock = writes.clock
        self._orphans = Orphans(writes.store, writes.registry.require_writable)

    async def clean(self, cluster: str) -> CleanedOrphans:
        """Delete what deleted resources left on a cluster; objects of others are not touched.

        Raises:
            NotFound: there is no such cluster.
            ClusterUnavailable: it is not CONNECTED, or did not answer; what was not cleaned stays listed.
            KubernetesRefusal: it refused.
        """
        self._enforce_connected(cluster)
        done = CleanedOrphans()
        for orphan in self._store.orphans(cluster):
            async with self._reconciler.locks.hold(_key(orphan)):
                if orphan in self._store.orphans(cluster):  # not taken back meanwhile
                    (done.cleaned if await self._orphans.remove(orphan) else done.ending).append(shown(orphan))
        return done

    async def adopt(self, cluster: str, namespace: str, name: str) -> Key:
        """Make an orphan an application again; its job goes on, and the resource has its former uid.

        Its spec and metadata become what the object has: with the environment's defaults of that time, and with
        what was changed on the cluster since.

        Raises:
            NotFound: there is no such cluster or orphan, or its object is gone.
            ClusterUnavailable: the cluster is not CONNECTED, or did not answer.
            Conflict: its name is taken, its environment is missing or elsewhere, or it is being deleted.
            BadRequest, Unprocessable: it is no application, or breaks a rule.
        """
        self._enforce_connected(cluster)
        orphan = self._named(cluster, namespace, name)
        key = _key(orphan)
        async with self._reconciler.locks.hold(key):
            present = await self._orphans.find(orphan)
            if present is None:
                await self._orphans.forget(orphan)
                raise _unknown(cluster, namespace, name)
            _, found = present
            metadata = found["metadata"]
            if "deletionTimestamp" in metadata:
                raise Conflict(
                    f"{key} cannot be adopted: its object on Kubernetes cluster '{cluster}' is being deleted since "
                    f"{metadata['deletionTimestamp']}; create it anew when that is gone"
                )
            sent = FlinkApplication.parse({"metadata": metadata_of(found), "spec": unannotated(found["spec"])})
            enforce_spec(name, sent.spec)
            record = replace(
                created(key, resource_content(sent), self._clock, uid=orphan.uid, generation=generation_of(found)),
                dirty=True,
            )
            await self._store.transact(lambda transaction: self._adopt(transaction, orphan, record, found))
        self._reconciler.poke(key)
        return key

    def _adopt(self, transaction: Transaction, orphan: Orphan, record: Record, found: Mapping[str, Any]) -> None:
        key = record.key
        what = f"{key} cannot be adopted"
        environment = transaction.get(Key(ENVIRONMENT, "", key.scope))
        if environment is None or place(environment) != (orphan.cluster, orphan.namespace):
            raise Conflict(
                f"{what}: there is no environment '{key.scope}' on namespace '{orphan.namespace}' of Kubernetes "
                f"cluster '{orphan.cluster}', create that first"
            )
        if transaction.get(key) is not None:
            raise Conflict(f"{what}: there is another one of this name, delete that first")
        enforce_free(transaction, key, environment)
        enforce_effective(record.name, record.spec, environment, None)
        history = self._reconciler.history
        record = history.adopted(transaction, placed(transaction, record), instance_of(found["spec"]))
        # As it is now, so that a job that has ended is not taken for one that is to be started.
        after = placed(transaction, record)
        after = replace(after, record=transaction.put(replace(record, status=reported(after, found))))
        history.status(transaction, record, after)
        transaction.remove_orphan(orphan.cluster, orphan.uid)

    def _enforce_connected(self, cluster: str) -> None:
        key = Key(CLUSTER, "", cluster)
        existing(self._store.get(key), key)
        self._registry.require_writable(cluster)

    def _named(self, cluster: str, namespace: str, name: str) -> Orphan:
        """Return the orphan of this name that can be adopted."""
        named = [each for each in self._store.orphans(cluster) if (each.namespace, each.name) == (namespace, name)]
        if not named:
            raise _unknown(cluster, namespace, name)
        application = next((each for each in named if each.kind == APPLICATION), None)
        if application is None:
            raise Unprocessable(
                f"{named[0].kind} '{name}' cannot be adopted, only a {APPLICATION} can: clean the orphans of "
                f"Kubernetes cluster '{cluster}', and create it anew"
            )
        return application


def shown(orphan: Orphan) -> OrphanedObject:
    """Return an orphan as clients see it."""
    return OrphanedObject(
        kind=orphan.kind,
        namespace=orphan.namespace,
        name=orphan.name,
        uid=orphan.uid,
        since=orphan.since,
        environment=orphan.environment or None,
    )


def _key(orphan: Orphan) -> Key:
    return Key(orphan.kind, orphan.environment, orphan.name)


def _unknown(cluster: str, namespace: str, name: str) -> NotFound:
    return NotFound(
        f"There is no orphan '{name}' in namespace '{namespace}' of Kubernetes cluster '{cluster}': the cluster's "
        "status.orphans lists those that there are"
    )
