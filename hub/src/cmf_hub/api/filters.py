"""The grammar of `filter` and of the other conditions of a list (`cmf.md` 1.3)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from cmf_core.errors import BadRequest

from cmf_hub.store import Condition

Field = tuple[str, ...]

_NAME: Field = ("name",)
_LABEL = r"labels\.(?P<key>[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?)"
_VALUE = r"([^\s,()=!]([^,()=!]*[^\s,()=!])?)?"
_WILD = re.compile(rf"name\s*=\s*(?P<value>{_VALUE})")
_EXISTS = re.compile(rf"(?P<not>!?)\s*{_LABEL}")
_EQUALS = re.compile(rf"({_LABEL}|(?P<word>\w+))\s*(?P<op>!?=)\s*(?P<value>{_VALUE})")
_SET = re.compile(rf"({_LABEL}|(?P<word>\w+))\s+(?P<op>in|notin)\s*\(\s*(?P<values>{_VALUE}(\s*,\s*{_VALUE})*)\s*\)")


def parse_filter(text: str, words: Mapping[str, Field]) -> list[Condition]:
    """Return the conditions of a filter; all of them must hold.

    Args:
        text: expressions separated by commas: `name=a*b`, `labels.k = v`, `labels.k != v`, `labels.k in (a, b)`,
            `labels.k notin (a, b)`, `labels.k`, `!labels.k`, and the same comparisons with a word or with `name`.
            A value has no comma, parenthesis, `=` or `!`; blanks around it do not count.
        words: the words of this kind (`state`, `phase`, `type`), and their fields.

    Raises:
        BadRequest: an expression is none of these.
    """
    return [_expression(part, words) for part in _split(text)]


def parse_search(
    term: str | None, scope: str | None, scopes: Mapping[str, Field], exact: Collection[str] = ()
) -> list[Condition]:
    """Return the condition of `search` and `searchScope`: any field of the scope contains the term.

    Those named in `exact` equal it.

    Raises:
        BadRequest: one of the two is missing, or the scope names an unknown field.
    """
    if term is None and scope is None:
        return []
    if not term or not scope:
        raise BadRequest("search and searchScope must be given together")
    names = [name.strip() for name in scope.split(",")]
    unknown = [name for name in names if name not in scopes]
    if unknown:
        known = ", ".join(scopes) or "none: this list has no search"
        raise BadRequest(f"searchScope '{unknown[0]}' is not supported (supported: {known})")
    equal = tuple(scopes[name] for name in names if name in exact)
    containing = tuple(scopes[name] for name in names if name not in exact)
    equals = Condition(equal, "in", (term,)) if equal else None
    return [Condition(containing, "contains", (term,), equals)]


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _expression(text: str, words: Mapping[str, Field]) -> Condition:
    if (match := _WILD.fullmatch(text)) and match["value"]:
        return Condition((_NAME,), "like", (match["value"],))
    if match := _EXISTS.fullmatch(text):
        return Condition((_label(match["key"]),), "absent" if match["not"] else "exists")
    if match := _EQUALS.fullmatch(text):
        return Condition((_field(match, words),), "in" if match["op"] == "=" else "notin", (match["value"],))
    if match := _SET.fullmatch(text):
        values = tuple(value.strip() for value in match["values"].split(","))
        return Condition((_field(match, words),), "in" if match["op"] == "in" else "notin", values)
    raise BadRequest(
        f"filter expression '{text}' is not understood: use name=a*b, labels.key=value, !=, in (a, b), notin (a, b), "
        "labels.key or !labels.key" + "".join(f", {word}=value" for word in words)
    )


def _field(match: re.Match[str], words: Mapping[str, Field]) -> Field:
    if match["key"]:
        return _label(match["key"])
    word = match["word"]
    if word == "name" and match.groupdict().get("value") != "":
        return _NAME
    if word not in words:
        known = ", ".join(["name", "labels.<key>", *words])
        raise BadRequest(f"filter does not know '{word}' here (known: {known})")
    return words[word]


def _label(key: str) -> Field:
    return ("metadata", "labels", key)
