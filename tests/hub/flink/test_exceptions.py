"""What JobManagers and operators say of exceptions."""

from typing import Any

import pytest
from cmf_hub.flink.exceptions import remembered, reported_exception


def entry(number: int, **fields: Any) -> dict[str, Any]:
    trace = f"java.lang.IllegalStateException: no {number}\n\tat org.example.Job.run(Job.java:7)"
    return {
        "exceptionName": "java.lang.IllegalStateException",
        "stacktrace": trace,
        "timestamp": 1_763_712_000_000 + number,
        "taskName": "Source: orders (1/2) - execution #0",
        "endpoint": "10.0.0.7:40001",
        "taskManagerId": "orders-taskmanager-1-1",
        "failureLabels": {},
        "concurrentExceptions": [],
        **fields,
    }


def answer(*entries: Any) -> dict[str, Any]:
    return {
        "root-exception": None, "timestamp": None, "all-exceptions": [], "truncated": False,
        "exceptionHistory": {"entries": list(entries), "truncated": False},
    }  # fmt: skip


def test_the_newest_ten_newest_first() -> None:
    found = remembered(answer(*(entry(number) for number in range(12))))
    assert [each.timestamp[-5:] for each in found] == [
        f"{number:03}Z"[-4:].rjust(5, ".") for number in range(11, 1, -1)
    ]
    assert found[0].name == "java.lang.IllegalStateException"
    assert found[0].message.startswith("java.lang.IllegalStateException: no 11\n\tat org.example")


@pytest.mark.parametrize(
    "broken",
    [
        None, [], "x", 1, {}, {"exceptionHistory": None}, {"exceptionHistory": []},
        {"exceptionHistory": {"entries": {}}},
        answer(None, 1, "x", [], {}, entry(1, timestamp=None), entry(1, timestamp=10**30), entry(1, timestamp="1")),
    ],
)  # fmt: skip
def test_what_has_another_shape_is_nothing(broken: Any) -> None:
    assert remembered(broken) == []


def test_endless_texts_are_cut() -> None:
    (found,) = remembered(answer(entry(1, stacktrace="x" * 100_000, exceptionName="y" * 100_000)))
    assert (len(found.name), len(found.message)) == (10_000, 10_000)


def test_an_exception_without_trace_has_its_name_as_message() -> None:
    (found,) = remembered(answer(entry(1, stacktrace=None)))
    assert found.message == found.name == "java.lang.IllegalStateException"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("org.apache.flink.table.api.ValidationException: no table", "org.apache.flink.table.api.ValidationException"),
        ("java.lang.OutOfMemoryError: Metaspace", "java.lang.OutOfMemoryError"),
        ("The job is RESTARTING", "FlinkException"),
    ],
)  # fmt: skip
def test_a_status_names_the_class_or_does_not(text: str, name: str) -> None:
    found = reported_exception(text, "2026-11-21T08:00:00.000Z")
    assert (found.name, found.message, found.timestamp) == (name, text, "2026-11-21T08:00:00.000Z")
