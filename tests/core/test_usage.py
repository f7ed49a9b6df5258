from typing import Any

import pytest
from cmf_core.models import ProcessUsage, ResourceUsageSummary
from cmf_core.usage import deployment_usage, session_job_usage
from hypothesis import given
from hypothesis import strategies as st

MI = 1024**2
RESOURCE = {"resource": {"memory": "1024m", "cpu": 1}}
SLOTS = {"taskmanager.numberOfTaskSlots": "2"}


def usage(**spec: Any) -> ResourceUsageSummary:
    return deployment_usage({"jobManager": RESOURCE, "taskManager": RESOURCE, **spec})


def used(cpu: float, mebibytes: int, count: int) -> ProcessUsage:
    return ProcessUsage(cpu=cpu, memory=mebibytes * MI, count=count)


@pytest.mark.parametrize(
    ("parallelism", "slots", "managers"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 2, 3), (8, "4", 2)]
)
def test_an_application_has_the_task_managers_that_its_slots_need(parallelism: int, slots: Any, managers: int) -> None:
    found = usage(job={"parallelism": parallelism}, flinkConfiguration={"taskmanager.numberOfTaskSlots": slots})
    assert found.job_manager == used(1, 1024, 1)
    assert found.task_manager == used(managers, 1024 * managers, managers)


def test_replicas_decide_where_they_are_named() -> None:
    found = usage(
        job={"parallelism": 9}, jobManager={**RESOURCE, "replicas": 2}, taskManager={**RESOURCE, "replicas": 3}
    )
    assert (found.job_manager, found.task_manager) == (used(2, 2048, 2), used(3, 3072, 3))


def test_the_configuration_decides_where_the_specification_is_silent() -> None:
    configuration = {
        "jobmanager": {"memory.process.size": "2g"},
        "taskmanager.memory.process.size": "3g",
        "kubernetes.jobmanager.cpu.amount": "0.5",
        "parallelism.default": 4,
        **SLOTS,
    }
    found = deployment_usage({"job": {}, "flinkConfiguration": configuration})
    assert (found.job_manager, found.task_manager) == (used(0.5, 2048, 1), used(4, 6144, 2))


def test_flink_defaults_decide_last() -> None:
    found = deployment_usage({"job": {"parallelism": 2}, "flinkConfiguration": SLOTS})
    assert (found.job_manager, found.task_manager) == (used(1, 1600, 1), used(2, 1728, 1))


@pytest.mark.rule("P24")
def test_a_native_session_cluster_has_task_managers_for_the_slots_in_use() -> None:
    spec = {"mode": "native", "jobManager": RESOURCE, "taskManager": RESOURCE, "flinkConfiguration": SLOTS}
    assert deployment_usage(spec, 0).task_manager == used(0, 0, 0)
    assert deployment_usage(spec, 3).task_manager == used(2, 2048, 2)
    assert session_job_usage(spec, 3) == ResourceUsageSummary(task_manager=used(2, 2048, 2))


@pytest.mark.rule("P25", "P26")
def test_a_standalone_session_cluster_has_the_task_managers_that_it_names() -> None:
    spec = {"mode": "standalone", "jobManager": RESOURCE, "taskManager": RESOURCE}
    assert deployment_usage(spec, 7).task_manager.count == 1
    assert deployment_usage({**spec, "taskManager": {**RESOURCE, "replicas": 3}}, 0).task_manager.count == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["resource", "cpu", "x"]), inner),
    max_leaves=6,
)
FIELDS = ("jobManager", "taskManager", "job", "flinkConfiguration", "mode")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.none() | st.integers(0, 100))
def test_any_specification_can_be_counted(spec: dict[str, Any], parallelism: int | None) -> None:
    found = deployment_usage(spec, parallelism)
    assert min(found.job_manager.memory, found.task_manager.memory, found.task_manager.count) >= 0
