"""What the hub reads of SQL, and of what Flink says about it."""

from typing import Any

import pytest
from cmf_hub.flink.manifests import manifest
from cmf_hub.flink.placement import places
from cmf_hub.flink.sql import (
    Kind,
    explained,
    is_append_only,
    kind,
    options,
    quoted_name,
    reason,
    relocated,
    rows,
    sql_kind,
)
from cmf_hub.settings import Settings

from tests.hub.flink.samples import place, pool, statement

TRACE = """Internal server error.; <Exception on server side:
org.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.
\tat org.apache.flink.Handler.handle(Handler.java:91)
Caused by: org.apache.flink.table.gateway.service.utils.SqlExecutionException: Failed to execute the operation 1.
\tat org.apache.flink.Other.run(Other.java:1)
\t... 7 more
Caused by: org.apache.flink.table.api.SqlParserException: SQL parse failed. Encountered "+" at line 1, column 9.
Was expecting one of:
    "STATEMENT" ...

\tat org.apache.flink.Parser.parse(Parser.java:2)
Caused by: org.apache.calcite.sql.parser.SqlParseException: Encountered "+" at line 1, column 9.
Was expecting one of:
    "STATEMENT" ...

End of exception on server side>"""


@pytest.mark.parametrize(
    ("sql", "expected", "name"),
    [
        ("select 1", Kind.QUERY, "SELECT"),
        ("/* x */ (VALUES (1))", Kind.QUERY, "SELECT"),
        ("insert into t select 1", Kind.JOB, "INSERT_INTO"),
        ("EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; END", Kind.JOB, "STATEMENT_SET"),
        ("create table t (n int)", Kind.ANSWERED, "CREATE_TABLE"),
        ("-- all\nSHOW TABLES", Kind.ANSWERED, "SHOW_TABLES"),
        ("DESC t", Kind.ANSWERED, "DESCRIBE"),
        ("SET 'a' = 'b'", Kind.REFUSED, "SET"),
        ("", Kind.REFUSED, ""),
    ],
)
def test_the_first_word_says_who_runs_a_statement(sql: str, expected: Kind, name: str) -> None:
    assert (kind(sql), sql_kind(sql)) == (expected, name)


def test_a_statement_set_is_explained_without_its_first_word() -> None:
    assert explained("EXECUTE STATEMENT SET BEGIN x; END") == "EXPLAIN CHANGELOG_MODE  STATEMENT SET BEGIN x; END"
    assert explained("SELECT 1") == "EXPLAIN CHANGELOG_MODE SELECT 1"


def test_places_are_those_of_the_statement() -> None:
    assert (
        relocated("From line 1, column 24 to line 2, column 3: no", "SELECT 1")
        == "From line 1, column 1 to line 2, column 3: no"
    )
    assert relocated("at line 1, column 25", "EXECUTE STATEMENT SET") == "at line 1, column 9"


def test_of_a_stack_trace_the_cause_is_left() -> None:
    assert reason(TRACE) == 'SQL parse failed. Encountered "+" at line 1, column 9.'
    assert reason("plain words") == "plain words"


@pytest.mark.parametrize(
    ("modes", "expected"),
    [(["I"], True), (["NONE", "I", "I,UA"], True), (["NONE", "I,UA", "I"], False), (["NONE"], None), ([], None)],
)
def test_the_results_of_a_plan_are_those_of_its_top(modes: list[str], expected: bool | None) -> None:
    lines = [f"{'   ' * depth}+- Node(changelogMode=[{mode}])" for depth, mode in enumerate(modes)]
    plan = "== Optimized Physical Plan ==\n" + "\n".join(lines) + "\n\n== Optimized Execution Plan ==\nx"
    assert is_append_only(plan) is expected


def test_rows_are_texts_lists_and_pairs() -> None:
    number: dict[str, Any] = {"type": "INTEGER"}
    columns = [
        {"name": "n", "logicalType": number},
        {"name": "b", "logicalType": {"type": "BOOLEAN"}},
        {"name": "a", "logicalType": {"type": "ARRAY", "elementType": number}},
        {"name": "m", "logicalType": {"type": "MAP", "keyType": {"type": "VARCHAR"}, "valueType": number}},
        {"name": "r", "logicalType": {"type": "ROW", "fields": [{"name": "x", "fieldType": number}]}},
        {"name": "nothing", "logicalType": number},
    ]
    data = [{"kind": "UPDATE_AFTER", "fields": [1, True, [1, None], {"k": 2}, {"x": 3}, None]}]
    assert rows(columns, data) == [{"op": 2, "row": ["1", "TRUE", ["1", None], [["k", "2"]], ["3"], None]}]


def test_names_and_texts_are_quoted() -> None:
    assert quoted_name("a`b") == "`a``b`"
    assert options({"b": "it's", "a": "1"}) == "'a' = '1', 'b' = 'it''s'"


def test_flinks_own_driver_takes_a_script_as_its_argument() -> None:
    settings = Settings(sql_runner="driver")
    of = statement(sql="INSERT INTO a SELECT 1;", private={"sql": {"steps": ["CREATE TABLE a (n INT)"]}})
    job = manifest(place(of, pool("DEDICATED")), settings)["spec"]["job"]
    assert job["jarURI"] == settings.sql_driver_jar_uri
    assert job["entryClass"] == "org.apache.flink.table.runtime.application.SqlDriver"
    assert job["args"] == ["--script", "CREATE TABLE a (n INT);\nINSERT INTO a SELECT 1;\n"]
    assert manifest(place(of, pool()), settings)["spec"]["job"]["jarURI"] == settings.statement_session_jar_uri


def test_what_was_answered_has_no_object() -> None:
    answered = statement(sql="SHOW TABLES", private={"sql": {"outcome": {"phase": "COMPLETED"}}})
    assert places(place(answered, pool("DEDICATED"))) == ()
    assert places(place(statement(sql="SELECT 1"), pool())) == ()
