"""What runs where, as a tree: clusters, environments in them, and what is in those."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cmf_core.rules.environments import placement
from cmf_core.usage import deployment_usage
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.spelling import camel

_TYPE = re.compile(r"(?:pulumi-python:dynamic/cmf|cmf:index):(\w+)")
_OURS = ("cmf:", "pulumi-python:dynamic/cmf", "pulumi:")
"""How types begin that are CMF's, our components', or Pulumi's own."""
_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key of the objects that stand for secrets in a state."""
_ORDER = (*KINDS, "shared")
_SHARED = ("shared",)
_CAPTIONS = {
    "KubernetesCluster": "cluster",
    "Environment": "environment",
    "FlinkApplication": "application",
    "ComputePool": "pool",
    "Statement": "statement",
    "Savepoint": "savepoint",
    "DetachedSavepoint": "detached savepoint",
    "Secret": "secret",
    "EnvironmentSecretMapping": "secret mapping",
    "KafkaCatalog": "catalog",
    "KafkaDatabase": "database",
}


class NotAStack(ValueError):
    """A text is not what `pulumi stack export` writes; the text says why."""


@dataclass
class Item:
    """A box of the picture.

    Attributes:
        kind: kind of the resource, as in `Environment`; `shared` for what is in no environment.
        caption: what it is, in words.
        name: CMF's name of it.
        state: as in `RUNNING`; empty if CMF tells none.
        details: lines about it.
        managed: False for what the stack only refers to, or reads.
        children: what is in it, in the order of the picture.
    """

    kind: str
    caption: str
    name: str
    state: str = ""
    details: tuple[str, ...] = ()
    managed: bool = True
    children: list[Item] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Say it in words: what it is, its name, state and details."""
        told = [self.state, *self.details, "" if self.managed else "not in this stack"]
        return f"{self.caption} {self.name}" + "".join(f", {each}" for each in told if each)


@dataclass(frozen=True)
class Stack:
    """A stack's name, as in `fleet/prod`; what is drawn of it; and whether it has resources that are not CMF's."""

    name: str
    items: list[Item]
    others: bool


def read(text: str) -> Stack:
    """Return what runs where, from what `pulumi stack export` writes.

    Names, states, sizes and the label `region` are read. What the state has as a secret is not, nor is the text of
    a statement.

    Raises:
        NotAStack: it is something else.
    """
    try:
        found = json.loads(text)
        resources = [each for each in found["deployment"].get("resources") or [] if not each.get("delete")]
        names = sorted(
            {"/".join(reversed(each["urn"].removeprefix("urn:pulumi:").split("::")[:2])) for each in resources}
        )
        others = any(each.get("custom") and not each["type"].startswith(_OURS) for each in resources)
        tree = _Tree()
        # What others are in comes before them.
        for kind in KINDS:
            for each in sorted((each for each in resources if _kind(each) == kind), key=lambda each: str(each["urn"])):
                tree.add(kind, each)
    except (ValueError, KeyError, TypeError, AttributeError):
        # What a parser says quotes the text, which may have secrets.
        raise NotAStack("this is not what `pulumi stack export` writes") from None
    return Stack(names[0] if names else "empty stack", tree.ordered(), others)


def _kind(resource: Mapping[str, Any]) -> str | None:
    match = _TYPE.fullmatch(resource["type"])
    return match[1] if match and match[1] in KINDS else None


class _Tree:
    """Items by their place, which is the CMF (a name of the program for it), the kind and names."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, ...], Item] = {}
        self._parents: dict[tuple[str, ...], tuple[str, ...] | None] = {}

    def add(self, kind: str, resource: Mapping[str, Any]) -> None:
        """Add a resource of the state."""
        given = {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}
        properties = {camel(key): value for key, value in given.items()}
        cmf = _cmf(str(resource.get("provider") or ""))
        name = _text(properties.get("name")) or str(resource["urn"]).rpartition("::")[2]
        place = (cmf, *_place(kind, properties, name))
        if place in self._items and self._items[place].managed:
            place = (*place, str(resource["urn"]))  # an old one that is about to go, or two CMFs of one name
        item = self._at(place, _parent(kind, properties))
        item.name, item.managed = name, not resource.get("external")
        item.state, item.details = _state(kind, properties), _details(kind, properties)
        if kind == "ComputePool" and _text(properties.get("type")):
            item.caption = f"{_text(properties.get('type'))} pool"

    def ordered(self) -> list[Item]:
        """Return the outermost items; all children are in their order by then."""
        outermost: list[Item] = []
        for place, item in self._items.items():
            parent = self._parents[place]
            (self._items[parent].children if parent else outermost).append(item)
        for children in (outermost, *(item.children for item in self._items.values())):
            children.sort(key=lambda item: (_ORDER.index(item.kind), item.name, item.caption))
        return outermost

    def _at(self, place: tuple[str, ...], parent: tuple[str, ...] | None) -> Item:
        """Return the item of a place; until its resource is found it is one that the stack only refers to."""
        cmf, kind, *names = place
        if place not in self._items:
            caption = _CAPTIONS.get(kind, "in no environment") + (f" of {cmf}" if cmf and parent is None else "")
            item = Item(kind, caption, names[-1] if names else "shared by environments", managed=kind == "shared")
            self._items[place] = item
        above = None if parent is None else (cmf, *parent)
        self._parents[place] = above
        if above is not None and above not in self._items:
            self._at(above, _unseen_parent(parent or ()))
        return self._items[place]


def _cmf(provider: str) -> str:
    """Return the program's name of a CMF: that of its provider; empty for the one of the configuration."""
    parts = provider.split("::")
    named = len(parts) > 3 and parts[-3] == "pulumi:providers:cmf" and not parts[-2].startswith("default")
    return parts[-2] if named else ""


def _place(kind: str, properties: Mapping[str, Any], name: str) -> tuple[str, ...]:
    environment = _text(properties.get("environment"))
    return (kind, environment, name) if environment else (kind, name)


def _parent(kind: str, properties: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the place of what a resource is in."""

    def named(key: str) -> str:
        return _text(properties.get(key)) or "unknown"

    environment = named("environment")
    match kind:
        case "KubernetesCluster":
            return None
        case "Environment":
            name = properties.get("kubernetesClusterName")
            return ("KubernetesCluster", placement(None) if name is None else named("kubernetesClusterName"))
        case "FlinkApplication" | "ComputePool" | "EnvironmentSecretMapping":
            return ("Environment", environment)
        case "Statement":
            return ("ComputePool", environment, named("computePoolName"))
        case "Savepoint" if properties.get("statement") is not None:
            return ("Statement", environment, named("statement"))
        case "Savepoint":
            return ("FlinkApplication", environment, named("application"))
        case "KafkaDatabase":
            return ("KafkaCatalog", named("catalog"))
        case _:
            return _SHARED


def _unseen_parent(place: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return where something is that the stack only refers to, as far as its place says."""
    match place:
        case ("Environment", _):
            return ("KubernetesCluster", "unknown")
        case (_, environment, _):
            return ("Environment", environment)
        case ("KafkaCatalog", _):
            return _SHARED
        case _:
            return None


def _state(kind: str, properties: Mapping[str, Any]) -> str:
    if kind == "FlinkApplication":
        life, job = _text(properties.get("lifecycleState")), _text(properties.get("jobState"))
        return job if job and life in ("", "STABLE", "DEPLOYED") else life
    if kind == "KubernetesCluster" and _text(properties.get("lifecycleState")) == "DECOMMISSIONED":
        return "DECOMMISSIONED"
    return _text(
        properties.get("state" if kind in ("KubernetesCluster", "Savepoint", "DetachedSavepoint") else "phase")
    )


def _details(kind: str, properties: Mapping[str, Any]) -> tuple[str, ...]:
    match kind:
        case "KubernetesCluster":
            labels = properties.get("labels")
            region = _text(labels.get("region")) if isinstance(labels, Mapping) else ""
            return (f"region {region}",) if region else ()
        case "Environment":
            return (f"namespace {_text(properties.get('kubernetesNamespace')) or 'unknown'}",)
        case "FlinkApplication":
            return _size(properties.get("spec"))
        case "ComputePool":
            return _size(properties.get("clusterSpec"))
        case "Statement" if isinstance(properties.get("parallelism"), int | float):
            return (f"parallelism {properties['parallelism']:g}",)
        case _:
            return ()


def _size(spec: Any) -> tuple[str, ...]:
    """Return what the task managers of a specification ask for, each."""
    if not isinstance(spec, Mapping) or _SIGNATURE in spec:
        return ()
    managers = deployment_usage({camel(key): value for key, value in spec.items()}).task_manager
    if not managers.count:
        return ("task managers as needed",)
    cores, memory = managers.cpu / managers.count, managers.memory / managers.count / 2**30
    return (f"{managers.count} x ({cores:g} {'core' if cores == 1 else 'cores'}, {memory:.3g} GiB)",)


def _text(value: Any) -> str:
    """Return a text of the state; empty for all else, secrets among it, which are objects there."""
    return value if isinstance(value, str) else ""
