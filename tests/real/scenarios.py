"""The scenarios of `tests/operator_standin`, played by the real operator in a namespace of the cluster `home`.

There the stand-in plays them all; what is done in them and what is expected are the same here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

from cmf_localfleet import ensure_artifact
from cmf_localfleet.connection import connect
from flink_operator_standin.effects import Kind
from flink_operator_standin.machine import PLURALS, Key
from kubernetes.client import ApiClient, CoreV1Api, CustomObjectsApi
from kubernetes.client.exceptions import ApiException

from tests.operator_standin.live import LiveCluster
from tests.operator_standin.observed import load
from tests.operator_standin.scenarios import SCENARIOS, job
from tests.real.counting import PATIENCE
from tests.real.fleet import COUNTING_JAR, DATA, JARS, SCENARIO_NAMESPACE, RealFleet
from tests.real.recorder import Recorder, compared, distinct
from tests.support.wait import wait_for

Json = dict[str, Any]

AT_ONCE = 2
"""Chains of scenarios that are played at the same time, beside other tests."""

REST = 2.0
"""Seconds without a change before something is done with an object: the operator may still be at it."""

NOT_PLAYED = {"crd110-app": "it was recorded with the CRDs of another operator than the one that can be had"}
"""Name and reason."""

_LONG = (
    (
        "a-app-deploy",
        "c-savepoint-nonce",
        "b-suspend-resume-savepoint",
        "b2-suspend-resume-last-state",
        "b3-upgrade-stateless",
        "g-kill-jobmanager",
        "f1-delete-running",
    ),
    ("d1-session-deploy", "d2-sessionjob-http", "d3-sessionjob-file", "d3-sessionjob-local"),
    ("h2-standalone-app",),
)
_LONG_ONES = {name for chain in _LONG for name in chain}

CHAINS = (*_LONG, *((name,) for name in SCENARIOS if name not in NOT_PLAYED.keys() | _LONG_ONES))
"""What is played: scenarios one after the other with the same objects. The longest begin."""

PLAYED = [name for chain in CHAINS for name in chain]

_KINDS: tuple[Kind, ...] = ("FlinkDeployment", "FlinkSessionJob")

_SHARED = {"app", "sess", "sj"}
"""Names that objects of several chains have."""

_FASTER: Json = {f"env.java.opts.{who}": "-XX:TieredStopAtLevel=1" for who in ("jobmanager", "taskmanager")}
"""Configuration of Flinks that live for a minute: they start with less of the processor."""


class StoppedError(Exception):
    """The run ended before the scenario."""


class Play:
    """Plays scenarios in the background.

    Args:
        fleet: Where.
        jars: Address of a server of jars, for session jobs.
        client: Client of the cluster.
        asked: The scenarios; others are played only where these stand on them.
    """

    def __init__(self, fleet: RealFleet, jars: str, client: ApiClient, asked: set[str]) -> None:
        self._fleet, self._jars = fleet, jars
        (fleet.data / "jars").mkdir()
        shutil.copy(ensure_artifact("counting-job"), fleet.data / "jars")
        self._ended = Event()
        api = CustomObjectsApi(client)
        self._recorders = {kind: Recorder(api, SCENARIO_NAMESPACE, PLURALS[kind]) for kind in _KINDS}
        self._pool, self._followers = ThreadPoolExecutor(AT_ONCE), ThreadPoolExecutor(len(_KINDS))
        self._followed = [self._followers.submit(each.follow, self._ended) for each in self._recorders.values()]
        self.results = {name: Future[None]() for name in PLAYED}
        self._chains = [self._pool.submit(self._play, chain) for chain in CHAINS if asked.intersection(chain)]

    def end(self) -> None:
        """Stop what is still played, and raise what went wrong after scenarios."""
        self._ended.set()
        for pool in (self._pool, self._followers):
            pool.shutdown(cancel_futures=True)
        for future in (*self._followed, *self._chains):
            if not future.cancelled():
                future.result()

    def _play(self, chain: tuple[str, ...]) -> None:
        """Play the scenarios of a chain. One that fails fails those after it, which stand on it."""
        left = list(chain)
        try:
            label = chain[0].partition("-")[0]
            with RealWorld(self._fleet, label, self._jars, self._recorders, self._ended) as world:
                try:
                    while left:
                        world.prepare(left[0], chain)
                        world.follow(left[0])
                        self.results[left.pop(0)].set_result(None)
                finally:
                    world.clear()
        except Exception as error:
            if not left:
                raise
            for name in left:
                self.results[name].set_exception(error)


class RealWorld(LiveCluster):
    """A cluster with the operator, whose nodes have one image of Flink.

    Args:
        fleet: Where.
        label: What the names end with that objects of other chains have too.
        jars: Address of a server of jars, for session jobs.
        recorders: Of each kind.
        ended: Set when nothing is to be waited for any more.
    """

    def __init__(
        self, fleet: RealFleet, label: str, jars: str, recorders: Mapping[Kind, Recorder], ended: Event
    ) -> None:
        super().__init__(fleet.clusters["home"].cluster.kubeconfig, SCENARIO_NAMESPACE, PATIENCE)
        self._fleet, self._label, self._jars, self._recorders, self._ended = fleet, label, jars, recorders, ended
        self._made: list[Key] = []

    def called(self, name: str) -> str:
        """Return the name that an object of a scenario has here."""
        return f"{name}-{self._label}" if name in _SHARED else name

    def history(self, key: Key) -> list[Json]:
        """Return the distinct states that an object went through."""
        return self._recorders[key[0]].states(self.called(key[2]))

    def apply(self, resource: Json) -> None:
        """Create an object, with image, job and folder that are there."""
        name, spec = resource["metadata"]["name"], json.loads(json.dumps(resource["spec"]))
        if resource["kind"] == "FlinkDeployment":
            self._adapt(name, spec, resource["metadata"].get("annotations", {}))
        else:
            spec["deploymentName"] = self.called(spec["deploymentName"])
            if spec["job"]["jarURI"].startswith("http:"):
                spec["job"] |= {"jarURI": f"{self._jars}/counting.jar", "args": [self._folder(name)]}
        self._made.append((resource["kind"], "default", name))
        super().apply({**resource, "metadata": {"name": name}, "spec": spec})

    def _adapt(self, name: str, spec: Json, commands: Json) -> None:
        """Let a deployment be what can be had here; commands of the stand-in become what they stand for."""
        if "9.9.9" not in spec["image"]:
            if "1.18" in spec["image"] and "flinkVersion" in spec:
                spec["flinkVersion"] = "v1_19"
            spec["image"] = self._fleet.image
        spec["podTemplate"] = self._fleet.pod_template
        spec["flinkConfiguration"] |= _FASTER
        if "job" in spec:
            if spec.get("mode") == "standalone":  # the operator hides the image's folder of jars
                spec["job"]["entryClass"] = "io.cmfhub.counting.CountingJob"
                mounts = spec["podTemplate"]["spec"]["containers"][0]["volumeMounts"]
                mounts.append({"name": "data", "mountPath": JARS, "subPath": "jars"})
            spec["job"]["args"] = [self._folder(name)]
            if "nosuch" not in spec["job"]["jarURI"]:
                spec["job"]["jarURI"] = COUNTING_JAR
        if "standin.flink/fail-job" in commands:
            spec["job"]["args"] = ["/proc/nothing-can-be-made-here"]
            spec["flinkConfiguration"]["restart-strategy.type"] = "none"

    def _folder(self, name: str) -> str:
        return f"{DATA}/counts/{self._label}-{name}"

    def patch(self, key: Key, change: Json) -> None:
        """Merge a change into an object's spec; commands of the stand-in become what they stand for."""
        if "standin.flink/kill-jobmanager" in change.get("metadata", {}).get("annotations", {}):
            self._kill_job_manager(key)
        if "spec" in change:
            super().patch(key, {"spec": change["spec"]})

    def _kill_job_manager(self, key: Key) -> None:
        """Kill each JobManager until the operator notices: it asks for 10 s, in which the next one may be there."""
        before, app = len(distinct(self.history(key))), self.called(key[2])

        def noticed() -> bool:
            if len(distinct(self.history(key))) > before:
                return True
            self._core.delete_collection_namespaced_pod(
                self.namespace,
                label_selector=f"app={app},component=jobmanager",
                grace_period_seconds=0,
                _request_timeout=10,
            )
            return False

        self._wait(noticed, f"the operator to miss the JobManager of {app}", every=3.0)

    def prepare(self, name: str, chain: tuple[str, ...]) -> None:
        """Do what a scenario begins after, as far as its chain has not played it."""
        scenario = SCENARIOS[name]
        for number, given in enumerate(scenario.given, start=1):
            if given not in chain:
                self.follow(given, scenario.cut if number == len(scenario.given) else None)
        for act in scenario.before:
            act(self)
            self.wait_for_job(job("sj"), "RUNNING")

    def follow(self, name: str, acts: int | None = None) -> None:
        """Play a scenario in step with its trace, and assert that its object goes through the recorded states.

        Args:
            name: The scenario.
            acts: How many of its acts; None is all.
        """
        key, todo, trace = SCENARIOS[name].key, list(SCENARIOS[name].acts[:acts]), load(name)
        goes_on, recorded = "act" not in trace[0], list[str]()
        before = len(self.history(key))
        for line in trace[goes_on:]:
            if "act" not in line:
                recorded = distinct([*recorded, line])
            elif todo:
                self._reach(key, before, recorded)
                todo.pop(0)(self)
            else:
                break
        self._reach(key, before, recorded)
        seen = distinct(self.history(key)[before:])[: len(recorded)]
        assert seen == recorded, compared(recorded, seen)

    def _reach(self, key: Key, before: int, recorded: list[str]) -> None:
        """Wait until an object has gone through as many states as were recorded, beyond those before, and rests."""

        def reached() -> bool:
            return (
                len(distinct(self.history(key)[before:])) >= len(recorded)
                and self._recorders[key[0]].rested(self.called(key[2])) > REST
            )

        if recorded:
            try:
                self._wait(reached, f"{recorded[-1]} of {key}")
            except AssertionError as error:
                error.add_note(compared(recorded, distinct(self.history(key)[before:])))
                raise

    def _wait(self, condition: Callable[[], bool], what: str, every: float = 0.1) -> None:
        """Wait for a condition, unless the run ends."""

        def met() -> bool:
            if self._ended.is_set():
                raise StoppedError
            return condition()

        wait_for(met, what, PATIENCE, every)

    def clear(self) -> None:
        """Delete what scenarios left."""
        for key in reversed(self._made):
            try:
                self.delete(key)
            except ApiException as error:  # most of them end so
                if error.status != 404:
                    raise
            if self.get(key) and key in {scenario.key for scenario in SCENARIOS.values() if scenario.quiet_after}:
                super().patch(key, {"metadata": {"finalizers": None}})  # the operator never lets it go
            self.wait_gone(key)


@contextmanager
def jars(fleet: RealFleet) -> Iterator[str]:
    """Serve the jars of Flink's image to pods, by a pod with that image: `httpd` of busybox."""
    server: Json = {"name": "jars", "image": fleet.image, "imagePullPolicy": "IfNotPresent"}
    server["command"] = ["busybox", "httpd", "-f", "-p", "8080", "-h", JARS]
    pod: Any = {"metadata": {"name": "jars"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [server]}}
    place: Json = {"namespace": SCENARIO_NAMESPACE, "_request_timeout": 10}
    with connect(fleet.clusters["home"].cluster.kubeconfig) as client:
        core = CoreV1Api(client)
        core.create_namespaced_pod(body=pod, **place)

        def address() -> str:
            found: Any = core.read_namespaced_pod("jars", **place)
            return f"http://{found.status.pod_ip}:8080" if found.status.phase == "Running" else ""

        try:
            yield wait_for(address, "the server of jars", PATIENCE)
        finally:
            core.delete_namespaced_pod("jars", **place)
