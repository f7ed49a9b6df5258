"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST = 1024


@dataclass(frozen=True)
class Principal:
    """Somebody who is known to the hub.

    Attributes:
        name: `User:` and the name from the certificate or token.
        groups: `Group:` and the name, of each group that a token says.
    """

    name: str
    groups: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every name that a role may be bound to."""
        return self.groups | {self.name}


ANONYMOUS = Principal("User:ANONYMOUS")
"""Who calls while authentication is off; Kafka has the same name for it."""


def sound_name(name: object) -> str | None:
    """Return a name that may stand in principals and logs, or None: nobody is called "" or by control characters."""
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST or not name.isprintable():
        return None
    return name
