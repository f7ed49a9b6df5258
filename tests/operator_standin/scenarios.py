"""What was done in each recorded scenario, act by act, and from what it started.

An act of a scenario stands for one `act` line of its trace. Where the recorded cluster's TaskManager was late (the job
was seen in CREATED), the act commands that too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from flink_operator_standin.machine import Key

from tests.operator_standin import objects

Json = dict[str, Any]


class World(Protocol):
    """Where acts happen: the simulation, or a real API server."""

    def apply(self, resource: Json) -> None: ...

    def patch(self, key: Key, change: Json) -> None: ...

    def delete(self, key: Key) -> None: ...

    def wait_for_job(self, key: Key, state: str) -> None: ...

    def wait_gone(self, key: Key) -> None: ...


Act = Callable[[World], None]

APP: Key = ("FlinkDeployment", "default", "app")
LATE = {"metadata": {"annotations": {"standin.flink/taskmanager-delay": "15"}}}
IN_TIME: Json = {"metadata": {"annotations": {"standin.flink/taskmanager-delay": None}}}


@dataclass(frozen=True)
class Scenario:
    """A recorded scenario: the object that is followed, what went before, and the acts."""

    key: Key
    acts: tuple[Act, ...]
    given: tuple[str, ...] = ()
    """Scenarios that were played before, on the same cluster."""
    cut: int | None = None
    """How many acts of the last given scenario were played; None is all."""
    before: tuple[Act, ...] = ()
    """Acts before the trace began, 40 s apart."""
    quiet_after: float = 0.0
    """Seconds after the last line in which nothing may happen."""


def deployment(name: str) -> Key:
    """The key of a FlinkDeployment."""
    return "FlinkDeployment", "default", name


def job(name: str) -> Key:
    """The key of a FlinkSessionJob."""
    return "FlinkSessionJob", "default", name


def apply(resource: Json) -> Act:
    """Create an object."""
    return lambda world: world.apply(resource)


def patch(key: Key, spec: Json | None = None, and_: Json | None = None) -> Act:
    """Merge a change into an object's spec, and another into the object."""
    return lambda world: world.patch(key, {**({"spec": spec} if spec else {}), **(and_ or {})})


def delete(key: Key) -> Act:
    """Delete an object."""
    return lambda world: world.delete(key)


def nonce(key: Key) -> Act:
    """Ask for a savepoint."""
    return patch(key, {"job": {"savepointTriggerNonce": 1}})


def suspend(key: Key, **job: Any) -> Act:
    """Suspend a job."""
    return patch(key, {"job": {"state": "suspended", **job}})


def resume(key: Key, and_: Json | None = None) -> Act:
    """Resume a job."""
    return patch(key, {"job": {"state": "running"}}, and_)


def _session_job_on_stand(world: World) -> None:
    world.apply(objects.session_job("sj-stand", "stand"))
    world.wait_for_job(job("sj-stand"), "RUNNING")
    world.delete(job("sj-stand"))
    world.wait_gone(job("sj-stand"))


def _invalid(name: str, change: Callable[[Json, Json], None], quiet_after: float = 0.0) -> Scenario:
    """An application that breaks a rule: made, and deleted."""
    resource = objects.application(name)
    change(resource["spec"], resource["spec"]["flinkConfiguration"])
    key = deployment(name)
    return Scenario(key, (apply(resource), delete(key)), quiet_after=quiet_after)


def _bad_memory(spec: Json, conf: Json) -> None:
    spec["jobManager"]["resource"]["memory"] = "lots"


def _bad_parallelism(spec: Json, conf: Json) -> None:
    spec["job"]["parallelism"] = 0


def _forbidden(spec: Json, conf: Json) -> None:
    conf["kubernetes.cluster-id"] = "x"


def _no_checkpoints(spec: Json, conf: Json) -> None:
    del conf["state.checkpoints.dir"]


def _no_version(spec: Json, conf: Json) -> None:
    del spec["flinkVersion"]


def _no_ha(spec: Json, conf: Json) -> None:
    spec["job"]["upgradeMode"] = "last-state"
    del conf["high-availability.type"]


def _no_savepoints(spec: Json, conf: Json) -> None:
    for key in ("state.savepoints.dir", "high-availability.type", "high-availability.storageDir"):
        del conf[key]


def _no_memory(spec: Json, conf: Json) -> None:
    del spec["taskManager"]["resource"]["memory"]


def _two_jobmanagers(spec: Json, conf: Json) -> None:
    del conf["high-availability.type"], conf["high-availability.storageDir"]
    spec["jobManager"]["replicas"] = 2
    spec["job"]["upgradeMode"] = "stateless"


def _flink_1_20(name: str, version: str) -> Scenario:
    resource = objects.application(name)
    resource["spec"] |= {"image": "localhost/flink:1.20.1", "flinkVersion": version}
    key = deployment(name)
    return Scenario(key, (apply(resource), nonce(key), suspend(key), resume(key), delete(key)))


def _jar_missing() -> Json:
    resource = objects.application("nojar")
    resource["spec"]["job"]["jarURI"] = "local:///opt/flink/nosuch.jar"
    return objects.with_commands(resource, jar_missing="true")


def _image_missing() -> Json:
    resource = objects.application("noimage")
    resource["spec"]["image"] = "localhost/flink:9.9.9"
    return objects.with_commands(resource, image_missing="true")


def _missing_file() -> Json:
    resource = objects.session_job("sj-file", jar="file:///opt/flink/artifacts/nosuch.jar")
    return objects.with_commands(resource, jar_missing="true")


def _local_jar() -> Json:
    return objects.session_job("sj-local", jar="local:///opt/flink/examples/streaming/TopSpeedWindowing.jar")


_APP2, _SAPP, _SESS, _STAND = deployment("app2"), deployment("sapp"), deployment("sess"), deployment("stand")
_MORE_MEMORY = {"taskManager": {"resource": {"memory": "1100m"}}, "job": {"upgradeMode": "stateless"}}
_A, _C = "a-app-deploy", "c-savepoint-nonce"
_B, _B2, _B3 = "b-suspend-resume-savepoint", "b2-suspend-resume-last-state", "b3-upgrade-stateless"
_G, _D1, _D2 = "g-kill-jobmanager", "d1-session-deploy", "d2-sessionjob-http"

SCENARIOS: dict[str, Scenario] = {
    _A: Scenario(APP, (apply(objects.application()),)),
    "a2-app-deploy-default-intervals": Scenario(
        APP, (apply(objects.application()), suspend(APP), resume(APP), delete(APP))
    ),
    _C: Scenario(APP, (nonce(APP),), given=(_A,)),
    _B: Scenario(APP, (suspend(APP), resume(APP, LATE)), given=(_A, _C)),
    _B2: Scenario(APP, (suspend(APP, upgradeMode="last-state"), resume(APP)), given=(_A, _C, _B)),
    _B3: Scenario(APP, (patch(APP, _MORE_MEMORY),), given=(_A, _C, _B, _B2)),
    _G: Scenario(
        APP,
        (
            patch(
                APP,
                and_={
                    "metadata": {
                        "annotations": {"standin.flink/kill-jobmanager": "1", "standin.flink/taskmanager-delay": None}
                    }
                },
            ),
        ),
        given=(_A, _C, _B, _B2, _B3),
    ),
    "f1-delete-running": Scenario(APP, (delete(APP),), given=(_A, _C, _B, _B2, _B3, _G)),
    "f0-delete-suspended": Scenario(APP, (delete(APP),), given=(_A, _C, _B), cut=1),
    "crd110-app": Scenario(APP, (apply(objects.application()), suspend(APP), resume(APP))),
    _D1: Scenario(_SESS, (apply(objects.session()),)),
    _D2: Scenario(job("sj"), (apply(objects.session_job()), suspend(job("sj")), resume(job("sj"))), given=(_D1,)),
    "d3-sessionjob-file": Scenario(job("sj-file"), (apply(_missing_file()), delete(job("sj-file"))), given=(_D1,)),
    "d3-sessionjob-local": Scenario(job("sj-local"), (apply(_local_jar()), delete(job("sj-local"))), given=(_D1,)),
    "d4-sessionjob-no-cluster": Scenario(
        job("sj-none"), (apply(objects.session_job("sj-none", "nosuch")), delete(job("sj-none")))
    ),
    "e-bad-memory-unit": _invalid("bad-memory-unit", _bad_memory, quiet_after=79.0),
    "e-bad-parallelism": _invalid("bad-parallelism", _bad_parallelism),
    "e-forbidden-conf": _invalid("forbidden-conf", _forbidden),
    "e-no-checkpoint-dir": _invalid("no-checkpoint-dir", _no_checkpoints),
    "e-no-flink-version": _invalid("no-flink-version", _no_version, quiet_after=79.0),
    "e-no-ha-last-state": _invalid("no-ha-last-state", _no_ha),
    "e-no-savepoint-dir": _invalid("no-savepoint-dir", _no_savepoints),
    "e-no-tm-memory": _invalid("no-tm-memory", _no_memory),
    "e-two-jobmanagers": _invalid("two-jobmanagers", _two_jobmanagers),
    "e2-invalid-change-and-restart": Scenario(
        _APP2,
        (
            apply(objects.application("app2")),
            patch(_APP2, {"job": {"parallelism": 0}}),
            patch(_APP2, {"job": {"parallelism": 1}}),
            patch(_APP2, {"restartNonce": 1}, LATE),
            delete(_APP2),
        ),
    ),
    "f2-delete-session-with-job": Scenario(
        _SESS, (delete(_SESS), delete(job("sj"))), given=(_D1,), before=(apply(objects.session_job()),)
    ),
    "h-standalone-session": Scenario(
        _STAND,
        (
            apply(objects.standalone_session()),
            _session_job_on_stand,
            patch(_STAND, {"taskManager": {"replicas": 3}}),
            delete(_STAND),
        ),
    ),
    "h2-standalone-app": Scenario(
        _SAPP,
        (
            apply(objects.with_commands(objects.standalone_application(), taskmanager_delay="15")),
            patch(_SAPP, {"taskManager": {"replicas": 1}}, IN_TIME),
            suspend(_SAPP),
            resume(_SAPP),
            delete(_SAPP),
        ),
    ),
    "k-jar-missing": Scenario(deployment("nojar"), (apply(_jar_missing()), delete(deployment("nojar")))),
    "l-job-fails": Scenario(
        deployment("jobfail"),
        (
            apply(objects.with_commands(objects.application("jobfail"), fail_job="true")),
            delete(deployment("jobfail")),
        ),
    ),
    "m-image-missing": Scenario(deployment("noimage"), (apply(_image_missing()), delete(deployment("noimage")))),
    "v-img120as18": _flink_1_20("img120as18", "v1_18"),
    "v-img120as19": _flink_1_20("img120as19", "v1_19"),
}
