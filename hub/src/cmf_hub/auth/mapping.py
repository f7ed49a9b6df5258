r"""Rules that make the name of a principal of a certificate's name, in Kafka's notation.

`RULE:pattern/replacement/` takes effect if the regular expression fits the whole name; `$1` in the replacement is
its first group; `L` or `U` after the last slash makes the result lower or upper case. `DEFAULT` is the name as it
is. Commas separate rules, the first that fits decides, and `\/` is a slash inside one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PART = r"(?:\\.|[^\\/])*"
_RULE = re.compile(
    rf"\s*(?:(?P<default>DEFAULT)|RULE:(?P<pattern>{_PART})/(?P<replacement>{_PART})/(?P<case>[LU]?))\s*"
)
_GROUP = re.compile(r"\$(\d)|\\(.)")


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    replacement: str
    case: str

    def apply(self, name: str) -> str | None:
        found = self.pattern.fullmatch(name)
        if found is None:
            return None
        result = _GROUP.sub(lambda part: (found[int(part[1])] or "") if part[1] else part[2], self.replacement)
        return {"L": result.lower(), "U": result.upper()}.get(self.case, result)


class PrincipalMapping:
    """The rules of one hub.

    Args:
        text: the rules, as in `RULE:^CN=(.*?),.*$/$1/L,DEFAULT`.

    Raises:
        ValueError: they are not rules; the text says where.
    """

    def __init__(self, text: str) -> None:
        self._rules: list[_Rule] = []
        position = 0
        while position < len(text):
            found = _RULE.match(text, position)
            if found is None or (found.end() < len(text) and text[found.end()] != ","):
                raise ValueError(f"'{text[position:]}' is neither DEFAULT nor RULE:pattern/replacement/[LU]")
            self._rules.append(_rule(found))
            position = found.end() + 1
        if not self._rules:
            raise ValueError("there is no rule: DEFAULT takes names as they are")

    def apply(self, name: str) -> str | None:
        """Return the name that the first fitting rule makes, or None if none fits."""
        for rule in self._rules:
            if (result := rule.apply(name)) is not None:
                return result
        return None


def _rule(found: re.Match[str]) -> _Rule:
    if found["default"]:
        return _Rule(re.compile(r"(.*)", re.DOTALL), "$1", "")
    try:
        pattern = re.compile(found["pattern"].replace(r"\/", "/"))
    except re.error as error:
        raise ValueError(f"'{found['pattern']}' is not a regular expression: {error}") from error
    groups = [int(number) for number, _ in _GROUP.findall(found["replacement"]) if number]
    if any(number > pattern.groups for number in groups):
        raise ValueError(f"'{found['replacement']}' names a group that '{found['pattern']}' does not have")
    return _Rule(pattern, found["replacement"], found["case"])
