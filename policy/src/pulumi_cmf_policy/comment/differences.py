"""What differs between two states of a resource, and which values a comment may show.

Only values that are sizes, versions, names or switches are shown; of everything else, SQL texts and settings of
connections among them, only where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from cmf_core.sensitive import is_sensitive

from pulumi_cmf_policy.resources import Described
from pulumi_cmf_policy.unknowns import is_unknown

_SHOWN = (
    "*.image",
    "*.flinkVersion",
    "*.mode",
    "*.serviceAccount",
    "*.replicas",
    "*.resource.cpu",
    "*.resource.memory",
    "*.job.parallelism",
    "*.job.upgradeMode",
    "*.job.state",
    "labels.*",
    "compute_pool_name",
    "environment",
    "force_delete",
    "kubernetes_cluster_name",
    "kubernetes_namespace",
    "lifecycle_state",
    "name",
    "parallelism",
    "state",
    "stopped",
    "type",
)
_CONFIGURATION = ("flinkConfiguration", "flink_configuration")
_LONGEST = 60


@dataclass(frozen=True)
class Difference:
    """A place where two states differ.

    Attributes:
        path: where, as in `spec.taskManager.replicas`; options of Flink by their own keys.
        old: value before as text, None if there was none or it is not shown.
        new: value after, likewise.
        shown: whether values are.
    """

    path: str
    old: str | None = None
    new: str | None = None
    shown: bool = False


def differences(old: Described, new: Described, named: frozenset[str] = frozenset()) -> list[Difference]:
    """Return where two states of a resource differ; `named` are properties of which only a provider knows it."""
    places = list(_differing(old.properties, new.properties))
    found = [_difference(path, before, after) for path, before, after in places]
    seen = {path[0] for path, _, _ in places}
    others = sorted({_snake(name) for name in named} - seen)
    return found + [Difference(name) for name in others if name in new.properties or name in old.properties]


def _differing(old: Any, new: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        # `dict(...)` reads past what raises on values that are not known.
        before, after = dict(old), dict(new)
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differing(before.get(key), after.get(key), (*at, key))
    elif isinstance(old, Mapping) and new is None:
        yield from _differing(old, {}, at)
    elif isinstance(new, Mapping) and old is None:
        yield from _differing({}, new, at)
    elif old != new:
        yield at, old, new


def _difference(path: tuple[str, ...], old: Any, new: Any) -> Difference:
    where = ".".join(path)
    inside = next((index for index, part in enumerate(path) if part in _CONFIGURATION), None)
    if inside is not None:
        where = ".".join(path[inside + 1 :]) or where
        shown = not is_sensitive(where)
    else:
        shown = any(fnmatchcase(where, pattern) for pattern in _SHOWN)
    if not shown or isinstance(old, list) or isinstance(new, list):
        return Difference(where)
    return Difference(where, _text(old), _text(new), shown=True)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if is_unknown(value):
        return "known at `up`"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _snake(name: str) -> str:
    head = name.partition(".")[0].partition("[")[0]
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in head)
