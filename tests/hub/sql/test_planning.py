"""What Flink says of a statement before anything runs, by the SQL gateway of the pool's own session cluster."""

import pytest

from tests.hub.sql.session import GENERATED, SessionPool
from tests.support.hub import unique


def test_ddl_and_show_are_answered_at_once_and_remembered(session_pool: SessionPool) -> None:
    table = unique("t").replace("-", "_")
    created = session_pool.run(f"CREATE TABLE {table} (n INT, s STRING NOT NULL) {GENERATED}")
    assert created["status"]["phase"] == "COMPLETED"
    assert created["result"]["kind"] == "StatementResult"
    assert created["result"]["results"]["data"] == [{"op": 0, "row": ["OK"]}]
    assert created["status"]["traits"]["sqlKind"] == "CREATE_TABLE"
    assert [table] in session_pool.completed("SHOW TABLES;")
    described = session_pool.completed(f"DESCRIBE {table}")
    assert [row[:3] for row in described] == [["n", "INT", "TRUE"], ["s", "STRING", "FALSE"]]
    session_pool.completed(f"DROP TABLE {table}")
    assert [table] not in session_pool.completed("SHOW TABLES")


def test_an_answer_is_read_as_results_too(session_pool: SessionPool) -> None:
    shown = session_pool.run("SHOW CATALOGS")
    answer = session_pool.hub.get(f"{session_pool.path}/{shown['metadata']['name']}/results")
    assert answer.json() == shown["result"]
    columns = shown["status"]["traits"]["schema"]["columns"]
    assert (columns[0]["name"], columns[0]["type"]["type"]) == ("catalog name", "VARCHAR")


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELEC 1", "begin with SELEC"),
        ("SELECT 1 +", 'Encountered "+ <EOF>" at line 1, column 10.'),
        ("SELECT * FROM nowhere", "Object 'nowhere' not found"),
        ("INSERT INTO nowhere SELECT 1", "nowhere"),
        ("DROP TABLE nowhere", "does not exist"),
        ("SHOW TABLES; SHOW TABLES", "only single statement"),
        ("CREATE TABLE made WITH ('connector' = 'blackhole') AS SELECT 1 AS n", "No ExecutorFactory"),
        ("SET 'a' = 'b'", "begin with SET"),
        ("ADD JAR '/tmp/x.jar'", "begin with ADD"),
        ("STOP JOB '1'", "begin with STOP"),
        ("EXECUTE PLAN '/etc/passwd'", "parse failed"),
        ("", "without a first word"),
    ],
)
def test_what_flink_refuses_fails_with_its_words(session_pool: SessionPool, sql: str, text: str) -> None:
    detail = session_pool.failed(sql)
    assert text in detail
    assert "org.apache" not in detail
    assert "\tat " not in detail


def test_traits_are_what_flink_says(session_pool: SessionPool) -> None:
    names = {name: unique(name).replace("-", "_") for name in ("few", "many", "sink", "counts")}
    session_pool.completed(f"CREATE TABLE {names['few']} (n INT) {GENERATED}")
    session_pool.completed(f"CREATE TABLE {names['many']} (n INT) WITH ('connector' = 'datagen')")
    session_pool.completed(f"CREATE TABLE {names['sink']} (n INT) WITH ('connector' = 'blackhole')")
    session_pool.completed(f"CREATE TABLE {names['counts']} (n INT, c BIGINT) WITH ('connector' = 'blackhole')")

    def traits(sql: str) -> tuple[object, ...]:
        found = session_pool.run(sql)["status"]["traits"]
        return tuple(found.get(field) for field in ("sqlKind", "isBounded", "isAppendOnly"))

    few, many, sink, counts = names.values()
    assert traits(f"INSERT INTO {sink} SELECT n FROM {few}") == ("INSERT_INTO", True, True)
    assert traits(f"INSERT INTO {sink} SELECT n FROM {many}") == ("INSERT_INTO", False, True)
    grouped = f"INSERT INTO {counts} SELECT n, COUNT(*) FROM {many} GROUP BY n"
    assert traits(grouped) == ("INSERT_INTO", False, False)
    both = f"EXECUTE STATEMENT SET BEGIN INSERT INTO {sink} SELECT n FROM {few}; {grouped}; END;"
    assert traits(both) == ("STATEMENT_SET", False, False)


def test_a_database_of_others_and_catalogs_are_not_changed(session_pool: SessionPool) -> None:
    for sql in ("CREATE CATALOG mine WITH ('type' = 'generic_in_memory')", "CREATE DATABASE mine"):
        assert "was taken back" in session_pool.failed(sql)
    assert ["mine"] not in session_pool.completed("SHOW CATALOGS")
    assert ["mine"] not in session_pool.completed("SHOW DATABASES")
