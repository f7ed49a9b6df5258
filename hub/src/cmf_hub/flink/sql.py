"""SQL as the hub sees it: the first words of a statement, and what Flink says about the rest. Pure.

The hub does not parse SQL. The first word decides who runs a statement: a query or a job needs a cluster; DDL, SHOW,
DESCRIBE and their like are answered at once by a SQL gateway. All else is read from what Flink answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

from cmf_core.models import API_VERSION

_FIRST_WORDS = re.compile(r"(?:\s|\(|--[^\n]*|/\*.*?\*/)*(\w*)(?:\s+(\w+))?", re.DOTALL)
"""The first two words of a SQL statement, after blanks, comments and opening brackets."""

DDL = frozenset({"CREATE", "ALTER", "DROP"})
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_JOBS = frozenset({"INSERT", "EXECUTE", "UPDATE", "DELETE"})
_ANSWERED = DDL | {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "USE"}
_KINDS = {"INSERT": "INSERT_INTO", "EXECUTE": "STATEMENT_SET", "DESC": "DESCRIBE"}

_OPERATIONS = {"INSERT": 0, "UPDATE_BEFORE": 1, "UPDATE_AFTER": 2, "DELETE": 3}
_TYPE_NAMES = {"STRING": "VARCHAR"}
_LONGEST_REASON = 2000

_CAUSE = re.compile(
    r"^(?:Caused by: )?([\w.$]+(?:Exception|Error)): (.*?)(?=\n\s+at |\nCaused by: |\n\n|\Z)", re.DOTALL | re.MULTILINE
)
_GATEWAYS_OWN = ("org.apache.flink.table.gateway.", "java.util.concurrent.")
_EXPLAIN = "EXPLAIN CHANGELOG_MODE "
_PLACE = re.compile(r"line 1, column (\d{1,9})")
_CHANGES = re.compile(r"changelogMode=\[([\w,]+)\]")


class Kind(Enum):
    """Who runs a statement."""

    QUERY = auto()
    """Its rows go to whoever asks for them: a session cluster runs it through its SQL gateway."""
    JOB = auto()
    """It writes tables: a job of its own."""
    ANSWERED = auto()
    """A SQL gateway answers it at once."""
    REFUSED = auto()
    """It means something in a session only, or is no SQL."""


def kind(statement: str) -> Kind:
    """Return who runs a statement."""
    word = first_word(statement)
    if word in _QUERIES:
        return Kind.QUERY
    if word in _JOBS:
        return Kind.JOB
    return Kind.ANSWERED if word in _ANSWERED else Kind.REFUSED


def is_query(statement: str) -> bool:
    """Tell whether a statement is a query, whose rows go to whoever asked, and not one that writes a table."""
    return kind(statement) is Kind.QUERY


def first_word(statement: str) -> str:
    """Return the first word of a statement in upper case; empty if it has none."""
    return _words(statement)[0]


def sql_kind(statement: str) -> str:
    """Return `traits.sqlKind`, as in SELECT, INSERT_INTO, CREATE_TABLE."""
    first, second = _words(statement)
    if first in _QUERIES:
        return "SELECT"
    if first in DDL | {"SHOW", "USE"} and second.isalpha():
        return f"{first}_{second}"
    return _KINDS.get(first, first)


def _words(statement: str) -> tuple[str, str]:
    match = _FIRST_WORDS.match(statement)
    assert match is not None, "the expression matches every text"
    return match[1].upper(), (match[2] or "").upper()


def explained(statement: str) -> str:
    """Return the statement that makes Flink plan a query or job and not run it."""
    return _EXPLAIN + statement[_left_out(statement) :]


def relocated(message: str, statement: str) -> str:
    """Return what Flink says about an explained statement with places in the statement as it was sent."""
    shift = len(_EXPLAIN) - _left_out(statement)
    return _PLACE.sub(lambda match: f"line 1, column {max(int(match[1]) - shift, 1)}", message)


def _left_out(statement: str) -> int:
    """Return how much of a statement EXPLAIN does not take: it wants a statement set without the word EXECUTE."""
    match = _FIRST_WORDS.match(statement)
    return match.end(1) if match is not None and match[1].upper() == "EXECUTE" else 0


def is_append_only(plan: str) -> bool | None:
    """Tell whether all results of a plan (EXPLAIN CHANGELOG_MODE) are only ever added to; None if it does not say."""
    section = re.search(r"== Optimized Physical Plan ==\n(.*?)(?:\n== |\Z)", plan, re.DOTALL)
    if section is None:
        return None
    modes = []
    for tree in re.split(r"\n\n+", section[1].strip()):
        found = [mode for mode in _CHANGES.findall(tree) if mode != "NONE"]
        if not found:
            return None
        modes.append(found[0] == "I")
    return all(modes)


def reason(text: str) -> str:
    """Return why Flink refused a statement: the causes of its stack trace, without its own plumbing."""
    messages: list[str] = []
    for name, message in _CAUSE.findall(text):
        said = message.split("\nWas expecting", 1)[0].strip()
        if name.startswith(_GATEWAYS_OWN) or not said or any(said in before for before in messages):
            continue
        messages.append(said)
    if not messages:
        tail = [message.strip() for _, message in _CAUSE.findall(text)]
        messages = tail[-1:] or [text.strip()]
    return ": ".join(messages)[:_LONGEST_REASON]


def quoted_name(name: str) -> str:
    """Return an identifier as SQL text."""
    return "`" + name.replace("`", "``") + "`"


def quoted_text(text: str) -> str:
    """Return a string literal as SQL text."""
    return "'" + text.replace("'", "''") + "'"


def options(values: Mapping[str, str]) -> str:
    """Return what stands between the brackets of `WITH (...)`."""
    return ", ".join(f"{quoted_text(key)} = {quoted_text(value)}" for key, value in sorted(values.items()))


def schema(columns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return `traits.schema` of the columns of a gateway's answer."""
    return {"columns": [{"name": column["name"], "type": _type(column["logicalType"])} for column in columns]}


def _type(logical: Mapping[str, Any]) -> dict[str, Any]:
    """Return a data type without what Flink leaves null; both have the same fields."""
    name = str(logical["type"])
    result: dict[str, Any] = {"type": _TYPE_NAMES.get(name, name), "nullable": bool(logical.get("nullable", True))}
    for field in ("length", "precision", "scale", "resolution", "fractionalPrecision"):
        if logical.get(field) is not None:
            result[field] = logical[field]
    for field in ("keyType", "valueType", "elementType"):
        if isinstance(logical.get(field), Mapping):
            result[field] = _type(logical[field])
    if isinstance(logical.get("fields"), list):
        result["fields"] = [
            {"name": field["name"], "fieldType": _type(field["fieldType"])} for field in logical["fields"]
        ]
    return result


def rows(columns: Sequence[Mapping[str, Any]], data: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a gateway's rows as `{op, row}`: op 0 insert, 1 and 2 update before and after, 3 delete."""
    types = [column["logicalType"] for column in columns]
    return [
        {
            "op": _OPERATIONS[str(row["kind"])],
            "row": [_value(logical, field) for logical, field in zip(types, row["fields"], strict=True)],
        }
        for row in data
    ]


def _value(logical: Mapping[str, Any], value: Any) -> Any:
    """Return a field as CMF's clients read it: texts, lists, and pairs for the entries of a map."""
    if value is None:
        return None
    element, key, of = logical.get("elementType"), logical.get("keyType"), logical.get("valueType")
    if isinstance(value, list) and isinstance(element, Mapping):
        return [_value(element, item) for item in value]
    if isinstance(value, dict) and isinstance(key, Mapping):
        inner = of if isinstance(of, Mapping) else {"type": "INTEGER"}  # a multiset counts its elements
        return [[_value(key, name), _value(inner, item)] for name, item in value.items()]
    fields = logical.get("fields")
    if isinstance(fields, list) and isinstance(value, dict | list):
        items = value if isinstance(value, list) else [value.get(field["name"]) for field in fields]
        return [_value(field["fieldType"], item) for field, item in zip(fields, items, strict=False)]
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return value if isinstance(value, str) else str(value)


def result(created: str, data: Sequence[Mapping[str, Any]], next_token: str | None = None) -> dict[str, Any]:
    """Return a StatementResult.

    Args:
        created: RFC 3339 time.
        data: rows, as `rows` makes them.
        next_token: token of the next page; None after the last.
    """
    annotations = {} if next_token is None else {"nextPageToken": next_token}
    return {
        "apiVersion": API_VERSION,
        "kind": "StatementResult",
        "metadata": {"creationTimestamp": created, "annotations": annotations},
        "results": {"data": list(data)},
    }
