import pytest
from cmf_core.units import cpu_cores, memory_bytes
from hypothesis import given
from hypothesis import strategies as st

KI, MI, GI = 1024, 1024**2, 1024**3


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1024", 1024), (2048, 2048), ("100b", 100), ("1k", KI), ("1 kb", KI), ("1024m", GI), ("1024 MB", GI),
        ("2g", 2 * GI), ("2G", 2 * GI), ("2 gibibytes", 2 * GI), ("1t", 1024 * GI), (" 5m ", 5 * MI),
        ("2Gi", 2 * GI), ("512Mi", 512 * MI), ("1.5Gi", GI + GI // 2), ("1.5G", 1_500_000_000), ("1e9", 10**9),
        ("1P", 10**15), ("0", 0),
    ],
)  # fmt: skip
def test_memory_is_read_as_the_operator_reads_it(text: object, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "m", "1x", "-1g", "1.5 gb", "Gi", "1gi", None, True, [], "1e999", "\u0661m"])
def test_what_is_no_memory_size_is_none(text: object) -> None:
    assert memory_bytes(text) is None


@pytest.mark.parametrize(
    ("value", "cores"), [(1, 1.0), (0.5, 0.5), ("2", 2.0), ("500m", 0.5), ("1.5", 1.5), ("1e1", 10.0), (0, 0.0)]
)
def test_cpu_is_a_number_or_a_quantity(value: object, cores: float) -> None:
    assert cpu_cores(value) == cores


@pytest.mark.parametrize("value", ["", "one", "-1", True, None, {}, float("nan"), float("inf")])
def test_what_is_no_cpu_is_none(value: object) -> None:
    assert cpu_cores(value) is None


@given(st.text() | st.floats() | st.integers() | st.none())
def test_anything_is_an_amount_or_none(value: object) -> None:
    assert (memory_bytes(value) or 0) >= 0
    assert (cpu_cores(value) or 0.0) >= 0


@given(st.integers(0, 10**12), st.sampled_from(["k", "m", "g"]))
def test_flink_units_are_powers_of_1024_in_either_case(number: int, unit: str) -> None:
    assert memory_bytes(f"{number}{unit}") == memory_bytes(f"{number} {unit.upper()}B")
    assert memory_bytes(f"{number}{unit}") == memory_bytes(f"{number}{unit.upper()}i")
