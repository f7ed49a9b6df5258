import pytest
from cmf_core.models import SavepointFormat, SavepointSpec, SavepointState, SavepointStatus, StatementPhase
from cmf_core.models.statement import StartFromSavepoint
from cmf_core.rules import Refusal, savepoints

SP, JOB = "sp", "FlinkApplication prod/orders"


@pytest.mark.rule("E25", "E27")
@pytest.mark.parametrize(
    ("method", "has_crd", "expected"),
    [("auto", True, True), ("auto", False, False), ("snapshot", True, True), ("nonce", True, False)],
)
def test_snapshots_where_there_are_any(method: str, has_crd: bool, expected: bool) -> None:
    assert savepoints.by_snapshot(SP, "west", method, has_crd=has_crd) is expected


@pytest.mark.rule("E27")
def test_snapshots_alone_need_their_crd() -> None:
    refusal = savepoints.by_snapshot(SP, "west", "snapshot", has_crd=False)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, "'west'" in refusal.message) == (422, True)


@pytest.mark.rule("E25")
def test_a_nonce_says_neither_folder_nor_format() -> None:
    assert savepoints.within_a_nonce(SP, "west", SavepointSpec()) is None
    for spec in (SavepointSpec(path="s3://a/b"), SavepointSpec(format_type=SavepointFormat.NATIVE)):
        refusal = savepoints.within_a_nonce(SP, "west", spec)
        assert refusal is not None
        assert refusal.status == 422


@pytest.mark.rule("E33")
@pytest.mark.parametrize(
    ("path", "configuration", "allowed"),
    [
        (None, {}, False),
        (None, {"state.checkpoints.dir": "s3://a"}, False),
        (None, {"state.savepoints.dir": "s3://a"}, True),
        (None, {"execution.checkpointing.savepoint-dir": "s3://a"}, True),
        (None, {"state": {"savepoints": {"dir": "s3://a"}}}, True),
        (None, {"state.savepoints": {"dir": "s3://a"}}, True),
        ("s3://b", {}, True),
    ],
)
def test_a_savepoint_goes_somewhere(path: str | None, configuration: dict[str, object], allowed: bool) -> None:
    verdict = savepoints.has_directory(SP, JOB, SavepointSpec(path=path), configuration)
    assert (verdict is None) is allowed


@pytest.mark.rule("E51")
@pytest.mark.parametrize("path", ["s3://bucket/a", "/mnt/a", "file:/a", "abfss://c@host/a%20b", "hdfs:///a", "/"])
def test_paths_that_clusters_can_share(path: str) -> None:
    assert savepoints.durable_path(SP, path, required=True) is None


@pytest.mark.rule("E51")
@pytest.mark.parametrize(
    "path", ["", "a", "../a", "s3:", "s3://a b", "s3://a\n", "/a\x00", "://a", "1s3://a", "/" + "a" * 4096, " /a"]
)
def test_paths_that_are_none(path: str) -> None:
    refusal = savepoints.durable_path(SP, path, required=True)
    assert refusal is not None
    assert refusal.status == 422
    assert len(refusal.message) < 600


@pytest.mark.rule("E26", "E51")
@pytest.mark.parametrize("state", list(SavepointState))
@pytest.mark.parametrize("path", [None, "s3://a/b"])
@pytest.mark.parametrize("deleting", [True, False])
def test_only_a_whole_savepoint_is_good_for_anything(state: SavepointState, path: str | None, deleting: bool) -> None:
    status = SavepointStatus(state=state, path=path)
    good = state is SavepointState.COMPLETED and path is not None and not deleting
    assert (savepoints.restorable(JOB, SP, status, deleting=deleting) is None) is good
    assert (savepoints.detachable(SP, status, deleting=deleting) is None) is good


@pytest.mark.rule("E26")
@pytest.mark.parametrize("phase", list(StatementPhase))
def test_a_statement_starts_from_a_savepoint_while_it_can_run(phase: StatementPhase) -> None:
    start = StartFromSavepoint(savepoint_name=SP)
    refusal = savepoints.start_of_statement("stmt", phase, start, new=True, stopped=False)
    ended = phase in (StatementPhase.COMPLETED, StatementPhase.FAILED, StatementPhase.DELETING)
    assert (refusal.status if refusal else None) == (409 if ended else None)
    assert savepoints.start_of_statement("stmt", phase, start, new=False, stopped=True) is None


@pytest.mark.rule("E26")
def test_a_statement_names_one_savepoint() -> None:
    for start in (
        StartFromSavepoint(),
        StartFromSavepoint(savepoint_redeploy_nonce=1, allow_non_restored_state=True),
        StartFromSavepoint(uid="u", initial_savepoint_path="s3://a"),
    ):
        refusal = savepoints.start_of_statement("stmt", StatementPhase.RUNNING, start, new=True, stopped=False)
        assert refusal is not None
        assert refusal.status == 422
