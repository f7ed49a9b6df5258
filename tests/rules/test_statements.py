"""Rules of statements."""

import pytest
from cmf_core.models import PoolPhase, PoolType, StatementPhase, StatementSpec
from cmf_core.rules import statements


@pytest.mark.rule("P01", "P02")
def test_a_statement_needs_its_pool() -> None:
    assert statements.known_pool("stmt", "pool", exists=True, environment="prod") is None
    verdict = statements.known_pool("stmt", "pool", exists=False, environment="prod")
    assert verdict is not None
    assert "'pool' does not exist in environment 'prod'" in verdict.message


@pytest.mark.rule("P21")
def test_a_shared_pool_takes_statements_only_while_running() -> None:
    takes = {p for p in PoolPhase if statements.accepting_pool("stmt", "pool", PoolType.SHARED, p) is None}
    assert takes == {PoolPhase.RUNNING}


@pytest.mark.rule("P21")
def test_a_dedicated_pool_takes_statements_until_it_is_deleted() -> None:
    assert statements.accepting_pool("stmt", "pool", PoolType.DEDICATED, PoolPhase.DEDICATED) is None
    assert statements.accepting_pool("stmt", "pool", PoolType.DEDICATED, PoolPhase.DELETING) is not None


def spec(**fields: object) -> StatementSpec:
    return StatementSpec.parse({"statement": "SELECT 1", "computePoolName": "pool", **fields})


def allowed_in(present: StatementSpec, sent: StatementSpec) -> set[str]:
    return {p.value for p in StatementPhase if statements.allowed_change("stmt", p, present, sent) is None}


@pytest.mark.rule("STATEMENT")
def test_phases_of_stop_resume_and_rescale() -> None:
    assert allowed_in(spec(), spec(stopped=True)) == {"PENDING", "RUNNING", "FAILING"}
    assert allowed_in(spec(stopped=True), spec()) == {"STOPPED"}
    assert allowed_in(spec(), spec(parallelism=2)) == {"PENDING", "RUNNING", "STOPPED", "FAILING"}
    assert allowed_in(spec(), spec()) == {p.value for p in StatementPhase}


@pytest.mark.rule("STATEMENT")
def test_text_and_pool_stay() -> None:
    assert allowed_in(spec(), spec(statement="SELECT 2")) == set()
    assert allowed_in(spec(), spec(computePoolName="other")) == set()
