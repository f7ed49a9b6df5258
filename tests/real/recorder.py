"""Follows objects in the background, so that no state is missed, and compares what they went through.

`LiveCluster.history` asks the API server for what it remembers, which is too little where much else changes.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from difflib import ndiff
from functools import partial
from threading import Event
from typing import Any

from kubernetes.client import CustomObjectsApi

from tests.operator_standin import deviations
from tests.operator_standin.objects import GROUP
from tests.operator_standin.observed import GONE, reduce

Json = dict[str, Any]


class Recorder:
    """What all objects of a kind in a namespace go through.

    Args:
        api: Client of their API server.
        namespace: The namespace.
        plural: The kind, as in addresses.
    """

    def __init__(self, api: CustomObjectsApi, namespace: str, plural: str) -> None:
        self._listing = partial(
            api.list_namespaced_custom_object, GROUP, "v1beta1", namespace, plural, _request_timeout=(5, 30)
        )
        listed: Any = self._listing()
        self._version: str = listed["metadata"]["resourceVersion"]
        self._states: defaultdict[str, list[Json]] = defaultdict(list)
        self._changed: dict[str, float] = {}

    def rested(self, name: str) -> float:
        """Return for how many seconds an object has been as it is."""
        return time.monotonic() - self._changed.get(name, -math.inf)

    def states(self, name: str) -> list[Json]:
        """Return the distinct states of an object."""
        return list(self._states[name])

    def follow(self, ended: Event) -> None:
        """Record until a run ends, and some seconds longer. It ends the run if it cannot go on."""
        try:
            while not ended.is_set():
                # A bookmark comes before the end of each watch, so that it goes on from there: the API server
                # remembers the last hundred changes only, of all namespaces.
                response: Any = self._listing(
                    resource_version=self._version,
                    watch=True,
                    allow_watch_bookmarks=True,
                    timeout_seconds=10,
                    _preload_content=False,
                )
                for line in response:
                    self._take(json.loads(line))
        finally:
            ended.set()

    def _take(self, event: Json) -> None:
        found = event["object"]
        assert event["type"] != "ERROR", found
        self._version = found["metadata"]["resourceVersion"]
        if event["type"] != "BOOKMARK":
            states, state = self._states[found["metadata"]["name"]], GONE
            if event["type"] != "DELETED":
                state = reduce(found)
            if states[-1:] != [state]:
                states.append(state)
                self._changed[found["metadata"]["name"]] = time.monotonic()


def distinct(states: list[Any]) -> list[str]:
    """Return states one after the other as lines, without what depends on when the operator looks."""
    lines: list[str] = []
    for state in states:
        line = state if isinstance(state, str) else json.dumps(deviations.lasting(state), sort_keys=True)
        if line != "null" and lines[-1:] != [line]:
            lines.append(line)
    return lines


def compared(recorded: list[str], seen: list[str]) -> str:
    """Return where two sequences of states differ, for whoever reads a failure."""
    return "\n".join(["recorded (-) and seen (+):", *ndiff(recorded, seen)])
