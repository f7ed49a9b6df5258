"""Writers that go on while a cluster is away."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import httpx

from tests.real.counting import PATIENCE
from tests.real.stack import ENVIRONMENTS
from tests.support.hub import Hub, application
from tests.support.wait import wait_for

_PAUSE = 2.0
"""Seconds between the writes of a writer."""


def load(names: Iterable[str]) -> set[str]:
    """Return those of names that writers have made."""
    return {name for name in names if name.startswith("load-")}


class Writers:
    """One writer for each cluster, which makes applications that no node has room for, one after another.

    They write until `end`; what they have made is deleted at the end of the block.

    Attributes:
        answers: the status code of each application's creation, by cluster and name.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.answers: dict[str, dict[str, int]] = {cluster: {} for cluster in ENVIRONMENTS}
        self._end = Event()
        self._threads = [Thread(target=self._write, args=(cluster,)) for cluster in ENVIRONMENTS]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        for cluster, environment in ENVIRONMENTS.items():
            paths = [f"/environments/{environment}/applications/{name}" for name in self.kept(cluster)]
            for path in paths:
                assert self._hub.delete(path).is_success
            for path in paths:
                self._hub.gone(path)

    def end(self) -> None:
        """Stop writing."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def accepted(self, cluster: str) -> set[str]:
        """Return the names that the hub said yes to."""
        return {name for name, code in self.answers[cluster].items() if code == 201}

    def kept(self, cluster: str) -> set[str]:
        """Return the names that the hub has."""
        listed = self._hub.get(f"/environments/{ENVIRONMENTS[cluster]}/applications", params={"size": 1000}).json()
        return load(each["metadata"]["name"] for each in listed["items"])

    def until_answered(self, cluster: str, code: int) -> None:
        """Wait for one more answer with a code."""

        def times() -> int:
            return list(self.answers[cluster].values()).count(code)

        before = times()
        wait_for(lambda: times() > before, f"a writer on {cluster} to be answered {code}", PATIENCE)

    def _write(self, cluster: str) -> None:
        path, answers = f"/environments/{ENVIRONMENTS[cluster]}/applications", self.answers[cluster]
        while not self._end.wait(_PAUSE):
            name = f"load-{cluster}-{len(answers)}"
            body = application(name)
            body["spec"] |= {"flinkVersion": "v1_19", "jobManager": {"resource": {"cpu": 64, "memory": "1024m"}}}
            answers[name] = self._answer(path, body)

    def _answer(self, path: str, body: dict[str, Any]) -> int:
        """Return the status code of a creation; one whose hub is killed is sent again, as clients do."""
        while True:
            try:
                return self._hub.post(path, body).status_code
            except httpx.TransportError:
                if self._end.wait(_PAUSE):
                    raise
