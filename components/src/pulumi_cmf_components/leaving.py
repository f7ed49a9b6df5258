"""Leaving: an application ends in one environment, so that it can go on in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmf_core.calls import ENVIRONMENTS, Collection, applications
from cmf_core.errors import ClusterUnavailable
from cmf_core.models import FlinkApplication
from cmf_core.rules import Refusal, Verdict, moves
from cmf_core.rules.applications import is_suspended
from pulumi_cmf.lifecycle.flink_application import effective_spec
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kinds import FLINK_APPLICATION
from pulumi_cmf.lifecycle.operations import Operation, Refused
from pulumi_cmf.lifecycle.ownership import find
from pulumi_cmf.lifecycle.removal import remove
from pulumi_cmf.lifecycle.waiting import Look, WaitFailed, WaitInterrupted, wait_until


@dataclass(frozen=True)
class Step:
    """What an update does: from where to where, and from a given state or the one that is left."""

    source: str
    target: str
    restore: str | None

    @property
    def moves(self) -> bool:
        """Whether the place changes."""
        return self.source != self.target


@dataclass(frozen=True)
class Leaving:
    """An application that leaves an environment.

    Attributes:
        hub: where.
        step: from where to where.
        name: the application's.
        last: the savepoint that was taken along last; None if there is none.
        limit: seconds for each wait.
        operation: whom to tell of progress.
    """

    hub: Hub
    step: Step
    name: str
    last: str | None
    limit: float
    operation: Operation

    @property
    def what(self) -> str:
        """The application, for messages."""
        return FLINK_APPLICATION.what(self.step.source, self.name)

    async def path(self) -> str | None:
        """End the job where it is, and return what it starts from elsewhere; None if without state.

        Raises:
            Refused: it does not end, or leaves no state; it goes on where it is, if it can.
            CmfError: CMF refuses.
        """
        step, collection = self.step, applications(self.step.source)
        found, place = await find(self.hub, collection, self.name), await find(self.hub, ENVIRONMENTS, step.source)
        target = await find(self.hub, applications(step.target), self.name)
        if step.restore is None and moves.returns(status_of(found), status_of(target), self.last):
            await self._remove(collection)
            return self.last
        if found is None or place is None:
            refuse(moves.there_to_leave(self.what, self.last, present=step.restore is not None))
            return step.restore
        effective = effective_spec(found.spec, place)
        if step.restore is not None:
            await self._stop(collection, found)
            return step.restore
        takes = moves.keeps_state(effective)
        refuse(moves.leavable(self.what, found.spec, effective, found.lifecycle_state))
        try:
            left = moves.savepoint_left(
                self.what, status_of(await self._suspend(collection, found, savepoint=takes)) or {}
            )
        except WaitInterrupted:
            raise
        except WaitFailed as error:
            left = Refusal(409, f"{error}; it cannot be moved like this", "E51")
        if not takes:
            return None
        if isinstance(left, Refusal):
            await self.hub.client.send(collection.upsert(found.model_copy(update={"status": None})))
            raise Refused(f"{left.message}. It was told to go on where it is")
        self.operation.progress(f"left environment '{step.source}' with {left}")
        return left

    async def _stop(self, collection: Collection[FlinkApplication], found: FlinkApplication) -> None:
        """Suspend it as it would be anyhow; where its cluster is away, that cannot be."""
        try:
            await self._suspend(collection, found, savepoint=False)
        except ClusterUnavailable as error:
            self.operation.warn(f"{self.what} was not stopped, and runs twice if it still runs there: {error}")
        except WaitInterrupted:
            raise
        except WaitFailed as error:
            text = f"{error}: it would run twice. Delete it there (its checkpoints may go with it), and try again"
            raise Refused(text) from error

    async def _suspend(
        self, collection: Collection[FlinkApplication], found: FlinkApplication, *, savepoint: bool
    ) -> FlinkApplication:
        if not is_suspended(found.spec):
            asked = {"spec": moves.left(found.spec, savepoint=savepoint), "status": None}
            await self.hub.client.send(collection.upsert(found.model_copy(update=asked)))
        last: list[FlinkApplication] = []

        async def look() -> Look:
            last[:] = [await self.hub.client.send(collection.get(self.name))]
            return Look(FLINK_APPLICATION.line(last[0]), done=last[0].lifecycle_state == "SUSPENDED")

        clock, progress = self.hub.clock, self.operation.progress
        await wait_until(look, self.what, "SUSPENDED", limit=self.limit, clock=clock, progress=progress)
        return last[0]

    async def _remove(self, collection: Collection[FlinkApplication]) -> None:
        """Delete what never ran."""
        await remove(
            self.hub, collection, self.name, what=self.what, describe=FLINK_APPLICATION.line, limit=self.limit,
            force=False, leaves=None, operation=self.operation,
        )  # fmt: skip


def refuse(verdict: Verdict) -> None:
    """Raise `Refused` if a rule refuses."""
    if verdict is not None:
        raise Refused(verdict.message)


def status_of(found: FlinkApplication | None) -> Mapping[str, Any] | None:
    """Return the operator's status of an application; None if there is no application."""
    return None if found is None else found.status or {}
