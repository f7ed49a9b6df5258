"""Rules of sizing: what one core, one node and one checkpoint can do."""

from dataclasses import replace

import pytest
from cmf_core.rules import sizing
from cmf_core.rules.sizing import GIB, MB, Complexity, Rates, SizingError, Skew, Workload

EASY = Workload(100_000)
RATES = Rates()


@pytest.mark.rule("Z01")
def test_a_core_handles_ten_thousand_easy_records_a_second() -> None:
    assert sizing.records_per_core(EASY, RATES) == 10_000


@pytest.mark.rule("Z02", "Z03")
@pytest.mark.parametrize(
    "harder",
    [{"message_bytes": 2000}, {"state_bytes": 10 * GIB}, {"skew": Skew.MEDIUM}, {"skew": Skew.HIGH},
     {"distinct_keys": 50_000_000}, {"complexity": Complexity.MEDIUM}, {"complexity": Complexity.COMPLEX}],
)  # fmt: skip
def test_harder_work_lowers_what_a_core_handles(harder: dict[str, object]) -> None:
    assert sizing.records_per_core(replace(EASY, **harder), RATES) < 10_000  # type: ignore[arg-type]


@pytest.mark.rule("Z04", "Z05", "Z08")
@pytest.mark.parametrize(
    ("cores", "nodes"), [(0, (3, 1)), (3, (3, 1)), (12, (3, 4)), (24, (3, 8)), (24.1, (4, 8)), (80, (10, 8))]
)
def test_nodes_grow_to_eight_cores_before_their_number_does(cores: float, nodes: tuple[int, int]) -> None:
    assert sizing.nodes_for(cores, RATES) == nodes


@pytest.mark.rule("Z04", "Z05")
@pytest.mark.parametrize("wrong", [{"least_nodes": 2}, {"most_cores_per_node": 9}, {"records_per_core": 0}])
def test_rates_below_the_minima_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SizingError, match=next(iter(wrong))):
        Rates(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"records_per_second": -1}, {"latency_seconds": 0}, {"state_bytes": float("inf")}])
def test_a_workload_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SizingError, match=next(iter(wrong))):
        replace(EASY, **wrong)  # type: ignore[arg-type]


@pytest.mark.rule("Z03", "Z06", "Z16")
def test_a_node_of_four_cores_has_sixteen_gigabytes_and_more_for_state_and_joins() -> None:
    usual = sizing.memory_for(4, EASY, RATES)
    assert usual == 16 * GIB
    assert sizing.memory_for(4, replace(EASY, state_bytes=100 * GIB), RATES) > usual
    assert sizing.memory_for(4, replace(EASY, complexity=Complexity.COMPLEX), RATES) > usual
    assert sizing.memory_for(4, replace(EASY, latency_seconds=0.9), RATES) > usual


@pytest.mark.rule("Z07")
@pytest.mark.parametrize(("rate", "told"), [(19 * MB, True), (20 * MB, False), (50 * MB, False), (51 * MB, True)])
def test_a_throughput_beyond_what_is_usual_is_told(rate: float, told: bool) -> None:
    assert (sizing.node_throughput(rate, 4, RATES) is not None) is told


@pytest.mark.rule("Z09", "Z10", "Z11", "Z12")
@pytest.mark.parametrize(
    ("latency", "rule", "cpu", "interval"),
    [(0.4, "Z09", 1.5, 10), (0.5, "Z10", 1.2, 30), (0.9, "Z10", 1.2, 30), (1, "Z11", 1.1, 60), (3, "Z11", 1.1, 60),
     (5, "Z12", 1.0, 60), (10, "Z12", 1.0, 60)],
)  # fmt: skip
def test_latency_takes_cpu_and_checkpoints(latency: float, rule: str, cpu: float, interval: int) -> None:
    tier = sizing.latency_tier(latency)
    assert (tier.rule, tier.cpu, tier.checkpoint_seconds) == (rule, cpu, interval)


@pytest.mark.rule("Z13", "Z14")
def test_state_takes_task_managers_until_it_is_back_in_time_and_checkpoints_are_written() -> None:
    state = replace(EASY, state_bytes=300_000 * MB)
    assert sizing.nodes_for_state(state, RATES)[0] == 10
    assert sizing.nodes_for_state(replace(state, recovery_seconds=60), RATES)[0] == 50
    assert sizing.nodes_for_state(replace(state, skew=Skew.HIGH), RATES)[0] == 16
    assert sizing.nodes_for_state(state, RATES)[1] == 2
    assert sizing.nodes_for_state(EASY, RATES) == (0, 0)


@pytest.mark.rule("Z17")
def test_sizes_of_job_manager_and_control_plane() -> None:
    keys = (0, 10_000_000, 10_000_001, 100_000_001)
    assert [sizing.job_manager_size(number).name for number in keys] == ["S", "S", "M", "L"]
    assert [sizing.control_plane_size(number).name for number in (50, 51, 501)] == ["S", "M", "L"]
