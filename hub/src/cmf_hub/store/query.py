"""Which records a list wants: conditions, order and page, in terms that every engine can carry out.

A field is a path into the resource as clients see it: ("metadata", "labels", "app.kubernetes.io/name")
or ("status", "phase"). The first part "status" means the status, everything else the document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Field = tuple[str, ...]
Operator = Literal["in", "notin", "exists", "absent", "like", "contains", "named"]
Table = Literal["resource", "history"]

_LABELS = ("metadata", "labels")
_OF_LABELS = ("in", "notin", "exists", "absent")
_COLUMNS: Mapping[Field, str] = {
    ("metadata", "creationTimestamp"): "created",
    ("metadata", "updateTimestamp"): "updated",
    ("status", "jobStatus", "state"): "state",
    ("status", "phase"): "state",
}
"""Columns of the table of resources that have the value of a field."""


@dataclass(frozen=True)
class Condition:
    """One condition on a field.

    Operators: `in` and `notin` compare with `values` (a missing field is `notin`, as in Kubernetes),
    `exists` and `absent` take no values, `like` matches the one value with `*` as wildcard, `contains`
    looks for the one value anywhere in the text, upper and lower case alike, `named` takes any number of values, also
    none, each a name or with `*` at its end a prefix. More `fields` mean: any of them; with `otherwise`, this condition
    or that one.
    """

    fields: tuple[Field, ...]
    operator: Operator
    values: tuple[str, ...] = ()
    otherwise: Condition | None = None


@dataclass(frozen=True)
class Order:
    """Sort by one field."""

    field: Field
    descending: bool = False


@dataclass(frozen=True)
class Query:
    """A list of one kind; `scope` None means every scope.

    Resources come in the order of their names. Entries of a `history`, whose scope is the uid of their resource,
    come newest first. Both break ties of another order so.
    """

    kind: str
    scope: str | None = None
    conditions: Sequence[Condition] = ()
    order: Sequence[Order] = ()
    limit: int = -1
    offset: int = 0
    table: Table = "resource"


def where(query: Query) -> tuple[str, list[str]]:
    """Return the SQL condition of a query and its parameters."""
    clauses, parameters = ["kind = ?"], [query.kind]
    if query.scope is not None:
        clauses.append("scope = ?")
        parameters.append(query.scope)
    for condition in query.conditions:
        options = []
        option: Condition | None = condition
        while option is not None:
            for field in option.fields:
                sql, values = _condition(query, field, option.operator, option.values)
                options.append(sql)
                parameters += values
            option = option.otherwise
        clauses.append(f"({' OR '.join(options)})")
    return " AND ".join(clauses), parameters


def order_by(query: Query) -> tuple[str, list[str]]:
    """Return the SQL order of a query and its parameters."""
    terms, parameters = [], []
    for order in query.order:
        sql, values = value_of(query.table, order.field)
        terms.append(f"{sql} DESC" if order.descending else sql)
        parameters += values
    return ", ".join([*terms, *_natural_order(query)]), parameters


def _natural_order(query: Query) -> tuple[str, ...]:
    if query.table == "resource":
        return "scope", "name"
    ascending = query.order and not query.order[0].descending
    return ("number",) if ascending else ("number DESC",)


def value_of(table: Table, field: Field) -> tuple[str, list[str]]:
    """SQL expression of a field's value."""
    if field in (("name",), ("metadata", "name")):
        return "name", []
    if table == "resource" and field in _COLUMNS:
        return _COLUMNS[field], []
    column, path = ("status", field[1:]) if field[0] == "status" else ("document", field)
    return f"json_extract({column}, ?)", ["$." + ".".join(json.dumps(part) for part in path)]


def _condition(query: Query, field: Field, operator: Operator, values: tuple[str, ...]) -> tuple[str, list[str]]:
    if query.table == "resource" and query.scope is not None and field[:2] == _LABELS and operator in _OF_LABELS:
        return _label_condition(query.kind, query.scope, field[2], operator, values)
    value, parameters = value_of(query.table, field)
    marks = ", ".join("?" * len(values))
    match operator:
        case "in":
            return f"{value} IN ({marks})", [*parameters, *values]
        case "notin":
            return f"coalesce({value} NOT IN ({marks}), TRUE)", [*parameters, *values]
        case "exists":
            return f"{value} IS NOT NULL", parameters
        case "absent":
            return f"{value} IS NULL", parameters
        case "like":
            # GLOB keeps case apart; its own specials other than * are taken literally.
            pattern = "".join(f"[{c}]" if c in "?[" else c for c in values[0])
            return f"{value} GLOB ?", [*parameters, pattern]
        case "named":
            options, more = [f"{value} IN (SELECT value FROM json_each(?))"], list(parameters)  # noqa: S608
            more.append(json.dumps([each for each in values if not each.endswith("*")]))
            for prefix in (each[:-1] for each in values if each.endswith("*")):
                options.append(f"{value} GLOB ?")
                more += [*parameters, "".join(f"[{c}]" if c in "?[*" else c for c in prefix) + "*"]
            return f"({' OR '.join(options)})", more
        case "contains":
            return f"instr(lower({value}), lower(?)) > 0", [*parameters, values[0]]


def _label_condition(
    kind: str, scope: str, key: str, operator: Operator, values: tuple[str, ...]
) -> tuple[str, list[str]]:
    """Return a condition on a label, answered by the table of labels."""
    named = "SELECT name FROM label WHERE kind = ? AND scope = ? AND key = ?"
    if values:
        named += f" AND value IN ({', '.join('?' * len(values))})"
    negated = "NOT " if operator in ("notin", "absent") else ""
    return f"name {negated}IN ({named})", [kind, scope, key, *values]
