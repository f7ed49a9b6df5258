"""Estimates: monotone in every input, never under the rules' minima, always the same; and the command over them."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_cmf_components.sizing import Complexity, Rates, Skew, Workload, estimate
from pulumi_cmf_components.sizing.command import app
from pulumi_cmf_components.sizing.running import compare
from pulumi_cmf_components.sizing.specification import sized
from typer.testing import CliRunner

numbers = st.floats(0, 1e7, allow_nan=False)
positive = st.floats(0.05, 2000)
workloads = st.builds(
    Workload,
    records_per_second=numbers,
    message_bytes=st.floats(0, 1e5),
    distinct_keys=st.integers(0, 10**10),
    complexity=st.sampled_from(Complexity),
    latency_seconds=positive,
    skew=st.sampled_from(Skew),
    state_bytes=st.floats(0, 1e14),
    recovery_seconds=positive,
)
harder = st.one_of(
    st.tuples(st.sampled_from(["records_per_second", "message_bytes", "distinct_keys", "state_bytes"]),
              st.floats(1, 100)),
    st.tuples(st.sampled_from(["latency_seconds", "recovery_seconds"]), st.floats(0.01, 1)),
    st.tuples(st.sampled_from(["complexity", "skew"]), st.just(1.0)),
)  # fmt: skip


def next_harder(value: Complexity | Skew) -> object:
    """Return the next member, or the last."""
    members = list(type(value))
    return members[min(members.index(value) + 1, len(members) - 1)]


@pytest.mark.rule("Z02", "Z03", "Z08", "Z13")
@given(workload=workloads, change=harder)
def test_harder_work_never_gets_less(workload: Workload, change: tuple[str, float]) -> None:
    field, factor = change
    value = getattr(workload, field)
    if isinstance(value, Complexity | Skew):
        more: object = next_harder(value)
    else:
        more = int(value * factor) if isinstance(value, int) else value * factor
    before, after = estimate(workload), estimate(replace(workload, **{field: more}))  # type: ignore[arg-type]
    assert after.task_managers >= before.task_managers
    assert after.parallelism >= before.parallelism
    assert after.total_cores >= before.total_cores
    assert after.total_memory_bytes >= before.total_memory_bytes
    assert after.checkpoint_seconds <= before.checkpoint_seconds


@pytest.mark.rule("Z04", "Z05", "Z06", "Z15", "E48")
@given(workload=workloads)
def test_no_estimate_is_under_the_minima(workload: Workload) -> None:
    made = estimate(workload)
    assert made.task_managers >= 3
    assert 1 <= made.cores <= 8
    assert made.slots <= made.cores
    assert made.memory_bytes >= made.cores * 4 * 1024**3
    assert made.task_managers * made.cores * 10_000 >= workload.records_per_second
    assert made == estimate(workload)
    assert any(decision.rule == "Z15" for decision in made.decisions)


@given(workload=workloads, factor=st.floats(1, 10))
def test_faster_cores_never_need_more(workload: Workload, factor: float) -> None:
    faster = estimate(workload, Rates(records_per_core=10_000 * factor))
    assert faster.total_cores <= estimate(workload).total_cores


@pytest.mark.rule("Z06", "Z17")
def test_an_estimate_feeds_a_specification() -> None:
    made = estimate(Workload(120_000))
    spec = sized({"image": "flink:1.20", "job": {"jar_uri": "local:///a.jar", "parallelism": 99},
                  "flink_configuration": {"execution.checkpointing.interval": "5 s",
                                          "taskmanager.numberOfTaskSlots": "77"}}, made)  # fmt: skip
    assert spec["task_manager"] == {"replicas": 3, "resource": {"cpu": 4, "memory": "16g"}}
    assert spec["job"] == {"jar_uri": "local:///a.jar", "parallelism": 12}
    assert spec["flink_configuration"]["taskmanager.numberOfTaskSlots"] == "4"
    assert spec["flink_configuration"]["execution.checkpointing.interval"] == "5 s"
    plain = {"taskManager": spec["task_manager"], "flinkConfiguration": spec["flink_configuration"]}
    assert all(row.enough for row in compare(plain, made))
    assert [row.enough for row in compare(plain, estimate(Workload(240_000)))] == [True, False, False, False]


def test_the_command_prints_a_table_and_draws_the_curve(tmp_path: Path) -> None:
    drawn = tmp_path / "curve.svg"
    done = CliRunner().invoke(app, ["--rate", "120000", "--state", "50gb", "--draw", str(drawn)])
    assert done.exit_code == 0, done.output
    assert "[Z15]" in done.output
    texts = [
        "".join(text.itertext()) for text in ET.fromstring(drawn.read_text()).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert {"cores", "memory, GiB", "thousand records a second (dashed: 120)"} <= set(texts)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [(["--rate=-1"], "records_per_second"), (["--rate=1", "--state=many"], "50gb"),
     (["--rate=1", "--latency=0"], "latency_seconds"), (["--rate=1", "--application=a/b"], "CMF_URL")],
)  # fmt: skip
def test_the_command_says_what_is_wrong(wrong: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMF_URL", raising=False)
    done = CliRunner().invoke(app, wrong)
    assert done.exit_code == 2
    assert says in done.output
