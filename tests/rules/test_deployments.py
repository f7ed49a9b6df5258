"""Advice on deployments, at its boundaries."""

from typing import Any

import pytest
from cmf_core.rules import Advice, deployments, operator
from hypothesis import given
from hypothesis import strategies as st

Json = dict[str, Any]
S3 = {"state.checkpoints.dir": "s3://b/c"}
W = "FlinkApplication 'shop': spec"


def pod(*containers: str, mounts: list[Json] | None = None, volumes: list[Json] | None = None) -> Json:
    listed = [{"name": name, "volumeMounts": mounts or []} for name in containers]
    return {"podTemplate": {"spec": {"containers": listed, "volumes": volumes or []}}}


def rule_of(told: Advice | None) -> str | None:
    assert told is None or "'shop'" in told.message
    return told.rule if told else None


@pytest.mark.rule("E17", "E18")
@pytest.mark.parametrize(
    ("spec", "advised"),
    [
        ({}, False),
        (pod(), False),
        (pod("flink-main-container"), False),
        (pod("sidecar", "flink-main-container"), False),
        (pod("main"), True),
        ({**pod("flink-main-container"), "taskManager": pod("main")}, True),
        ({"jobManager": pod("flink-main-containers")}, True),
        ({"podTemplate": "x"}, False),
        ({"podTemplate": {"spec": {"containers": "x"}}}, False),
        ({"podTemplate": {"spec": {"containers": ["x"]}}}, False),
    ],
)
def test_flinks_container_has_its_name(spec: Json, advised: bool) -> None:
    assert (rule_of(deployments.container_name(W, spec)) == "E17") is advised


@pytest.mark.rule("E32")
@pytest.mark.parametrize(
    ("configuration", "advised"),
    [
        ({}, False),
        ({"high-availability.type": "NONE"}, False),
        ({"high-availability.type": "kubernetes"}, True),
        ({"high-availability": "zookeeper"}, True),
        ({"high-availability": {"type": "kubernetes"}}, True),
        ({"high-availability.type": "kubernetes", "high-availability.storageDir": ""}, True),
        ({"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://b/h"}, False),
        ({"high-availability": {"type": "kubernetes", "storageDir": "s3://b/h"}}, False),
    ],
)
def test_high_availability_has_a_storage_directory(configuration: Json, advised: bool) -> None:
    told = deployments.availability_storage(W, {"flinkConfiguration": configuration})
    assert (rule_of(told) == "E32") is advised


JAR = "local:///opt/flink/usrlib/orders.jar"


@pytest.mark.rule("JAR")
@pytest.mark.parametrize(
    ("spec", "advised"),
    [
        ({"mode": "standalone", "job": {"jarURI": JAR}}, True),
        ({"mode": "Standalone", "job": {"jarURI": "/opt/flink/usrlib/a/b.jar"}}, True),
        ({"mode": "native", "job": {"jarURI": JAR}}, False),
        ({"job": {"jarURI": JAR}}, False),
        ({"mode": "standalone"}, False),
        ({"mode": "standalone", "job": {}}, False),
        ({"mode": "standalone", "job": {"jarURI": "local:///opt/flink/usrlibs/orders.jar"}}, False),
        ({"mode": "standalone", "job": {"jarURI": "https://jars/opt/flink/usrlib/orders.jar"}}, False),
    ],
)
def test_a_standalone_applications_jar_is_not_hidden(spec: Json, advised: bool) -> None:
    assert (rule_of(deployments.hidden_jar(W, spec)) == "JAR") is advised


@pytest.mark.rule("JAR")
@pytest.mark.parametrize(
    ("path", "advised"),
    [("/opt/flink/usrlib", False), ("/opt/flink/usrlib/orders.jar", False), ("/opt/flink/usrlib/other.jar", True)],
)
def test_a_jar_on_a_volume_is_not_hidden(path: str, advised: bool) -> None:
    mounted = pod("flink-main-container", mounts=[{"name": "jars", "mountPath": path}])
    told = deployments.hidden_jar(W, {"mode": "standalone", "job": {"jarURI": JAR}, **mounted})
    assert (rule_of(told) == "JAR") is advised


def on(volume: Json | None, directory: str = "file:///data/c", path: str = "/data", at: str = "podTemplate") -> Json:
    mounts = [{"name": "data", "mountPath": path}] if volume is not None else []
    template = pod("flink-main-container", mounts=mounts, volumes=[{"name": "data", **(volume or {})}])
    spec = template if at == "podTemplate" else {at: template}
    return {**spec, "flinkConfiguration": {"state.checkpoints.dir": directory}}


CLAIM = {"persistentVolumeClaim": {"claimName": "shared"}}
HOST = {"hostPath": {"path": "/tmp/flink"}}


@pytest.mark.rule("E34", "E35")
@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        ({"flinkConfiguration": S3}, []),
        ({"flinkConfiguration": {"execution.checkpointing.dir": "gs://b/c"}}, []),
        ({}, ["E34"]),
        ({"flinkConfiguration": {"state.checkpoints.dir": ""}}, ["E34"]),
        ({"flinkConfiguration": {**S3, "execution.checkpointing.storage": "jobmanager"}}, ["E34"]),
        (on(None), ["E34"]),
        (on(None, directory="/data/c"), ["E34"]),
        (on(None, directory="FILE:/data/c"), ["E34"]),
        (on(CLAIM), []),
        (on(CLAIM, directory="file:/data"), []),
        (on(CLAIM, directory="file:///database/c"), ["E34"]),
        (on(CLAIM, at="taskManager"), []),
        (on(HOST), ["E35"]),
        (on({"emptyDir": {}}), ["E35"]),
        (on(HOST, path="/"), ["E35"]),
        ({"flinkConfiguration": {**S3, "state.savepoints.dir": "file:///tmp/s"}}, ["E34"]),
        ({"flinkConfiguration": {**S3, "high-availability.storageDir": "file:///tmp/h"}}, ["E34"]),
    ],
)
def test_state_is_where_it_survives_and_is_found(spec: Json, rules: list[str]) -> None:
    told = (deployments.durable_state(W, spec), deployments.reachable_state(W, spec))
    assert [rule_of(each) for each in told if each] == rules


def test_the_innermost_volume_counts() -> None:
    spec = on(HOST)
    container = spec["podTemplate"]["spec"]["containers"][0]
    container["volumeMounts"].append({"name": "claim", "mountPath": "/data/c"})
    spec["podTemplate"]["spec"]["volumes"].append({"name": "claim", **CLAIM})
    assert deployments.reachable_state(W, spec) is None


def sized(slots: object, cpu: object, parallelism: int | None, **limits: object) -> Json:
    job = {} if parallelism is None else {"job": {"parallelism": parallelism}}
    configuration = {"taskmanager.numberOfTaskSlots": slots, **limits}
    return {"taskManager": {"resource": {"cpu": cpu, "memory": "1g"}}, "flinkConfiguration": configuration, **job}


@pytest.mark.rule("E48")
@given(st.integers(1, 16), st.integers(1, 16), st.none() | st.integers(1, 16))
def test_a_busy_slot_has_a_core(slots: int, cores: int, parallelism: int | None) -> None:
    busy = min(slots, parallelism or slots)
    assert (rule_of(deployments.cores_of_slots(W, sized(slots, cores, parallelism))) == "E48") is (busy > cores)
    assert (deployments.cores_of_slots(W, sized(str(slots), f"{cores * 1000}m", parallelism)) is None) is (
        busy <= cores
    )
    assert deployments.cores_of_slots(W, sized(slots, None, parallelism)) is None


def test_cores_may_be_said_by_the_configuration() -> None:
    spec = {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2, "kubernetes.taskmanager.cpu.amount": 1.5}}
    assert rule_of(deployments.cores_of_slots(W, spec)) == "E48"


@pytest.mark.rule("E49")
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 40), st.integers(1, 100))
def test_task_managers_stay_within_declared_limits(slots: int, cores: int, parallelism: int, limit: int) -> None:
    number = -(-parallelism // slots)
    for key, needed in zip(deployments.LIMITS, (number * slots, number * cores, number * 1024), strict=True):
        given_limit = f"{limit}m" if key.endswith("memory") else limit
        told = deployments.declared_limits(W, sized(slots, cores, parallelism, **{key: given_limit}))
        assert (rule_of(told) == "E49") is (needed > limit)
    assert deployments.declared_limits(W, sized(slots, cores, parallelism)) is None


@pytest.mark.rule("E49")
def test_the_number_of_task_managers_is_that_which_is_named_or_unknown() -> None:
    limit = {"slotmanager.number-of-slots.max": 3}
    session = sized(2, 1, None, **limit)
    assert deployments.declared_limits(W, session) is None
    session["taskManager"]["replicas"] = 2
    assert rule_of(deployments.declared_limits(W, session)) == "E49"


KEYS = st.sampled_from(
    ["flinkConfiguration", "job", "taskManager", "podTemplate", "spec", "containers", "volumeMounts", "replicas", "cpu",
     "resource", "memory", "parallelism", "state.checkpoints.dir", "high-availability", "type", "name", "mountPath"]
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda v: st.lists(v) | st.dictionaries(KEYS, v)
)


@given(st.dictionaries(KEYS, json_values))
def test_a_specification_of_any_shape_is_survived(spec: Json) -> None:
    assert all(isinstance(told, Advice) for told in deployments.deployment_advice(W, spec))
    operator.refused(W, {"flinkVersion": "v1_20", **spec})


def test_all_advice_is_given_with_its_rule() -> None:
    spec = {**pod("main"), **sized(2, 1, 4), "jobManager": {"resource": {"memory": "1g"}}}
    spec["flinkConfiguration"] |= {"high-availability.type": "kubernetes", "slotmanager.number-of-slots.max": 1}
    told = deployments.deployment_advice(W, spec)
    assert [each.rule for each in told] == ["E17", "E32", "E34", "E48", "E49"]
    assert str(told[0]).endswith("[E17]")
