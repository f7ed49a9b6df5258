"""What a cluster lacks, in words: namespaces, service accounts, an operator that watches, room for pods."""

from typing import Any

import pytest
from cmf_core.rules import spokes


@pytest.mark.rule("E60")
def test_a_namespace_that_went_is_told() -> None:
    assert spokes.namespace("prod", "flink", exists=True) is None
    told = spokes.namespace("prod", "flink", exists=False)
    assert told is not None
    assert "namespace 'flink' is gone" in told.message


@pytest.mark.rule("E43", "E60")
def test_a_missing_service_account_is_told() -> None:
    assert spokes.service_account("prod", "flink", "runner", exists=True) is None
    told = spokes.service_account("prod", "flink", "runner", exists=False)
    assert told is not None
    assert told.rule == "E43"
    assert "'flink' has no service account 'runner'" in told.message


@pytest.mark.rule("E12", "E13")
def test_an_operator_that_says_nothing_may_not_watch() -> None:
    told = spokes.unwatched("FlinkDeployment 'shop'", "team-a", 125.4)
    assert "has said nothing of FlinkDeployment 'shop' for 125 s" in told
    assert "watchNamespaces have 'team-a'" in told
    assert "restarted" in told


def pod(name: str, component: str = "taskmanager", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"component": component}}, "status": {"phase": "Pending", **status}}


def unscheduled(message: str, status: str = "False") -> dict[str, Any]:
    return {"conditions": [{"type": "PodScheduled", "status": status, "reason": "Unschedulable", "message": message}]}


def container(reason: str, message: str | None = None) -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


@pytest.mark.rule("E59")
@pytest.mark.parametrize(
    ("pods", "cause"),
    [
        ([], None),
        ([pod("a")], None),
        ([pod("a", **unscheduled("", "True"))], None),
        ([pod("a", **unscheduled("0/3 nodes: Insufficient cpu."))],
         "TaskManager pod 'a' cannot be scheduled: 0/3 nodes: Insufficient cpu."),
        ([pod("b", **unscheduled("two")), pod("a", "jobmanager", **unscheduled("one"))],
         "JobManager pod 'a' cannot be scheduled: one"),
        ([pod("a", phase="Running", **unscheduled("old news"))], None),
        ([pod("a", **container("ContainerCreating"))], None),
        ([pod("a", **container("ImagePullBackOff", "Back-off pulling image"))],
         "TaskManager pod 'a' does not start: ImagePullBackOff: Back-off pulling image"),
        ([pod("a", phase="Running", **container("CrashLoopBackOff"))], "does not start: CrashLoopBackOff: no message"),
        ([{"metadata": None, "status": {"phase": "Pending", "conditions": "x"}}], None),
        ([{}], None),
    ],
)  # fmt: skip
def test_pods_that_do_not_come_up_say_why(pods: list[dict[str, Any]], cause: str | None) -> None:
    told = spokes.held_up(pods)
    assert (told is None) if cause is None else (told is not None and cause in told)


@pytest.mark.rule("E59")
def test_the_newest_warning_speaks_where_there_are_no_pods() -> None:
    assert spokes.told_by([]) is None
    assert spokes.told_by([{"reason": "x"}]) is None
    old = {"lastTimestamp": "2026-11-20T10:00:00Z", "reason": "FailedCreate", "message": "old"}
    new = {"eventTime": "2026-11-21T10:00:00Z", "reason": "FailedCreate", "message": "exceeded quota"}
    assert spokes.told_by([new, old]) == "FailedCreate: exceeded quota"


def test_what_a_cluster_says_is_passed_on_up_to_a_limit() -> None:
    told = spokes.held_up([pod("a", **unscheduled("x" * 10_000))])
    assert told is not None
    assert len(told) < 1000
