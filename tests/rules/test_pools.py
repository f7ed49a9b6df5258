"""Rules of compute pools: every statement phase against every operation, and the spec's boundaries."""

import pytest
from cmf_core.errors import Conflict
from cmf_core.models import ComputePoolSpec, PoolPhase, PoolState, PoolType, StatementPhase
from cmf_core.rules import enforce, pools

ALL = set(StatementPhase)
P = StatementPhase


def blocked(verdict_of: object, kind: PoolType, phase: PoolPhase) -> set[StatementPhase]:
    assert callable(verdict_of)
    return {p for p in ALL if verdict_of("pool", kind, phase, [pools.StatementFact("stmt", p)]) is not None}


@pytest.mark.rule("P38", "P39", "P45", "P46", "P47")
def test_phases_that_block_the_update_of_a_shared_pool() -> None:
    assert blocked(pools.updatable, PoolType.SHARED, PoolPhase.RUNNING) == {P.PENDING, P.RUNNING, P.STOPPED, P.FAILING}


@pytest.mark.rule("P40", "P41")
def test_phases_that_block_the_update_of_a_dedicated_pool() -> None:
    assert blocked(pools.updatable, PoolType.DEDICATED, PoolPhase.DEDICATED) == {
        P.PENDING,
        P.RUNNING,
        P.FAILING,
        P.FAILED,
    }


@pytest.mark.rule("P49", "P53", "P63")
@pytest.mark.parametrize(
    ("kind", "phase"), [(PoolType.SHARED, PoolPhase.RUNNING), (PoolType.DEDICATED, PoolPhase.DEDICATED)]
)
def test_phases_that_block_a_deletion(kind: PoolType, phase: PoolPhase) -> None:
    assert blocked(pools.deletable, kind, phase) == {P.PENDING, P.RUNNING, P.STOPPED, P.FAILING}


@pytest.mark.rule("P32")
def test_a_failed_shared_pool_is_updated_and_deleted_whatever_runs_on_it() -> None:
    assert blocked(pools.updatable, PoolType.SHARED, PoolPhase.FAILED) == set()
    assert blocked(pools.deletable, PoolType.SHARED, PoolPhase.FAILED) == set()


@pytest.mark.rule("P38")
def test_a_refusal_names_the_blocking_statements_and_the_way_out() -> None:
    facts = [
        pools.StatementFact("b-2", P.STOPPED),
        pools.StatementFact("a-1", P.RUNNING),
        pools.StatementFact("c-3", P.COMPLETED),
    ]
    with pytest.raises(Conflict, match=r"'pool' \(SHARED\).*a-1 \(RUNNING\), b-2 \(STOPPED\): delete them") as caught:
        enforce(pools.updatable("pool", PoolType.SHARED, PoolPhase.RUNNING, facts))
    assert caught.value.rule == "P38"
    assert "c-3" not in str(caught.value)


def spec(kind: str = "SHARED", state: str | None = None, **cluster: object) -> ComputePoolSpec:
    cluster.setdefault("image", "confluentinc/cp-flink-sql:1.19-cp7")
    return ComputePoolSpec.parse({"type": kind, "state": state, "clusterSpec": cluster})


def template(volumes: list[dict[str, str]], mounts: list[dict[str, str]]) -> dict[str, object]:
    return {"spec": {"volumes": volumes, "containers": [{"name": "flink-main-container", "volumeMounts": mounts}]}}


@pytest.mark.parametrize(
    ("sent", "rule"),
    [
        (spec(), None),
        (spec("DEDICATED"), None),
        (ComputePoolSpec.parse({"type": "SHARED", "clusterSpec": {}}), "P06"),
        (spec(serviceAccount="flink"), "P07"),
        (spec(job={"parallelism": 2}), "P08"),
        (spec(podTemplate=template([{"name": "statement-plan-volume"}], [])), "P10"),
        (spec(taskManager={"podTemplate": template([], [{"name": "x", "mountPath": "/opt/flink/statement/"}])}), "P10"),
        (spec(jobManager={"podTemplate": template([{"name": "statement-encryption-volume"}], [])}), "P11"),
        (spec(podTemplate=template([{"name": "data"}], [{"name": "data", "mountPath": "/data"}])), None),
        (spec(image="confluentinc/cp-flink-sql:1.19-cp6"), "P13"),
        (spec("DEDICATED", image="confluentinc/cp-flink-sql:1.19-cp6"), None),
        (spec(image="confluentinc/cp-flink-sql:2.1-cp10"), None),
        (spec(image="registry.example/mine:1"), None),
        (spec("DEDICATED", state="RUNNING"), "P16"),
        (spec(state="SUSPENDED"), None),
    ],
)
@pytest.mark.rule("P06", "P07", "P08", "P10", "P11", "P13", "P16")
def test_what_a_cluster_spec_may_hold(sent: ComputePoolSpec, rule: str | None) -> None:
    verdict = pools.valid_spec("pool", sent)
    assert (verdict.rule if verdict else None) == rule


@pytest.mark.rule("P12", "E39")
@pytest.mark.parametrize("image", ["mine:1", "", None])
def test_another_image_is_advised_against_only(image: str | None) -> None:
    assert pools.image("pool", {"image": "registry.example/confluentinc/cp-flink-sql:1.19-cp8"}) is None
    told = pools.image("pool", {"image": image})
    assert told is not None
    assert f"image '{image or 'not set'}'" in told.message


@pytest.mark.rule("P59", "P60")
@pytest.mark.parametrize(
    ("kind", "options", "advised"),
    [
        (PoolType.SHARED, {}, True),
        (PoolType.SHARED, {"high-availability.type": "NONE"}, True),
        (PoolType.SHARED, {"high-availability.type": "kubernetes"}, False),
        (PoolType.DEDICATED, {}, False),
    ],
)
def test_a_session_cluster_is_to_have_high_availability(kind: PoolType, options: dict[str, str], advised: bool) -> None:
    told = pools.availability("pool", kind, {"flinkConfiguration": options})
    assert (told is not None and told.rule == "P59") is advised


@pytest.mark.rule("P17")
def test_desired_state() -> None:
    assert pools.desired_state(spec()) is PoolState.RUNNING
    assert pools.desired_state(spec(state="SUSPENDED")) is PoolState.SUSPENDED
    assert pools.desired_state(spec("DEDICATED")) is None


@pytest.mark.rule("P15")
def test_the_type_stays() -> None:
    assert pools.immutable_type("pool", PoolType.SHARED, PoolType.SHARED) is None
    verdict = pools.immutable_type("pool", PoolType.SHARED, PoolType.DEDICATED)
    assert verdict is not None
    assert (verdict.status, verdict.rule) == (422, "P15")


@pytest.mark.rule("P55", "P57")
def test_the_web_ui_is_a_running_shared_pools() -> None:
    assert pools.has_web_ui("p", PoolType.SHARED, PoolPhase.RUNNING) is None
    for phase in set(PoolPhase) - {PoolPhase.RUNNING}:
        refused = pools.has_web_ui("p", PoolType.SHARED, phase)
        assert refused is not None
        assert (refused.status, refused.rule) == (409, "P57")
    dedicated = pools.has_web_ui("p", PoolType.DEDICATED, PoolPhase.DEDICATED)
    assert dedicated is not None
    assert (dedicated.status, dedicated.rule) == (400, "P55")
