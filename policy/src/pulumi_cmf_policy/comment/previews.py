"""A preview as Pulumi tells it in JSON: its digest, or its stream of events, which has the policies' results too.

Pulumi writes a digest by itself, and the stream where `PULUMI_ENABLE_STREAMING_JSON_PREVIEW` is `true`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from pulumi_cmf_policy.resources import Described, resource_of

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key that Pulumi's JSON has in whatever is no plain value: secrets, assets, references."""
_BLINDED = "[secret]"
_SUMMARIES = ("preview failed", "update failed")
"""What the engine says where it has said why."""
_AMBIENT = "using pulumi-resource-"
"""How the engine says that a plugin is found on PATH, which is where ours is."""
_COLOURS = re.compile(r"<\{%.*?%\}>")
_REPLACES = {"replace", "create-replacement", "delete-replaced", "import-replacement", "read-replacement"}
_DELETES = {"delete", "delete-replaced", "discard", "discard-replaced", "read-discard"}
_CREATES = {"create", "import"}


@dataclass
class Step:
    """What is to be done with one resource.

    Attributes:
        urn: Pulumi's name of it.
        action: create, update, replace, delete or same.
        old: it before, as far as it is CMF's and was there.
        new: it after, as far as it is CMF's and will be there.
        named: properties that the provider says differ, secret ones too.
    """

    urn: str
    action: str
    old: Described | None = None
    new: Described | None = None
    named: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Message:
    """What somebody says of a resource, or of the whole stack (no `urn`)."""

    urn: str
    text: str


@dataclass(frozen=True)
class Violation(Message):
    """What a policy says: `level` is mandatory, advisory or remediate."""

    policy: str
    level: str


@dataclass(frozen=True)
class Remediation:
    """Inputs of a resource that a policy has changed."""

    urn: str
    policy: str
    inputs: tuple[str, ...]


@dataclass
class Preview:
    """What a preview says.

    Attributes:
        steps: one for each resource, by URN.
        errors: why it failed.
        warnings: what is probably a mistake.
        violations: what policies found.
        remediations: what policies changed.
        policies_known: whether policies' results are in it: they are not in a digest.
        failed: whether it ended early; what it says is then incomplete.
    """

    steps: dict[str, Step] = field(default_factory=dict)
    errors: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    remediations: list[Remediation] = field(default_factory=list)
    policies_known: bool = False
    failed: bool = False

    @property
    def stack(self) -> str:
        """Project and stack, as in `fleet/prod`."""
        urn = next(iter(self.steps), "")
        parts = urn.removeprefix("urn:pulumi:").split("::")
        return f"{parts[1]}/{parts[0]}" if len(parts) > 2 else ""


def read(text: str) -> Preview:
    """Read a preview; text between the JSON, such as a warning of the command line, is passed by.

    Raises:
        ValueError: nothing in it is a preview.
    """
    digest = _digest(text)
    if digest is not None:
        return _of_digest(digest)
    events = list(_events(text))
    if not events:
        raise ValueError("this is no preview: it is made by `pulumi preview --json`")
    return _of_events(events)


def _digest(text: str) -> Mapping[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return None
    is_digest = isinstance(found, Mapping) and found.keys() & {"steps", "changeSummary", "diagnostics"}
    return found if is_digest else None


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, Mapping) and "sequence" in event:
            yield event


def _of_digest(digest: Mapping[str, Any]) -> Preview:
    preview = Preview()
    for step in digest.get("steps") or ():
        _add(preview, step, step.get("oldState"), step.get("newState"), step.get("diffReasons"))
    for told in digest.get("diagnostics") or ():
        _hear(preview, told)
    preview.failed = bool(preview.errors)
    return preview


def _of_events(events: Iterable[Mapping[str, Any]]) -> Preview:
    preview, ended = Preview(policies_known=True), False
    for event in events:
        if "resourcePreEvent" in event:
            step = event["resourcePreEvent"]["metadata"]
            _add(preview, step, step.get("old"), step.get("new"), step.get("diffs"))
        elif "diagnosticEvent" in event and not event["diagnosticEvent"].get("ephemeral"):
            _hear(preview, event["diagnosticEvent"])
        elif "policyEvent" in event:
            preview.violations.append(_violation(event["policyEvent"]))
        elif "policyRemediationEvent" in event:
            preview.remediations.append(_remediation(event["policyRemediationEvent"]))
        elif "summaryEvent" in event:
            # One that policies alone have failed was complete before they did.
            ended = event["summaryEvent"].get("result") != "failed" or any(map(_stops, preview.violations))
    preview.failed = not ended or bool(preview.errors)
    return preview


def _stops(violation: Violation) -> bool:
    return violation.level == "mandatory"


def _add(preview: Preview, told: Mapping[str, Any], old: Any, new: Any, named: Any) -> None:
    """Join what is told of a resource: a replacement is told in several steps."""
    urn, op = str(told["urn"]), str(told["op"])
    step = preview.steps.setdefault(urn, Step(urn, "same"))
    if op in _REPLACES or (step.action != "same" and {step.action, op} <= {"create", "delete"}):
        step.action = "replace"
    elif step.action == "same":
        step.action = "delete" if op in _DELETES else "create" if op in _CREATES else op if op == "update" else "same"
    if old and step.old is None:
        step.old = _described(urn, old)
    if new and op not in _DELETES:
        step.new = _described(urn, new)
    paths = [*(named or ()), *(told.get("detailedDiff") or {})]
    step.named |= {path for path in map(str, paths) if not path.startswith("__")}


def _described(urn: str, state: Mapping[str, Any]) -> Described | None:
    inputs = state.get("inputs")
    return resource_of(str(state.get("type", "")), urn, _readable(inputs) if isinstance(inputs, Mapping) else {})


def _readable(value: Any) -> Any:
    """Return a value in which what is secret is unknown, as the policies' readers have it."""
    if isinstance(value, Mapping):
        if _SIGNATURE in value:
            return UNKNOWN_STRING_VALUE
        return {key: _readable(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_readable(part) for part in value]
    return UNKNOWN_STRING_VALUE if value == _BLINDED else value


def _hear(preview: Preview, told: Mapping[str, Any]) -> None:
    text = _COLOURS.sub("", str(told.get("message", ""))).strip().removeprefix("error: ").removeprefix("warning: ")
    message = Message(str(told.get("urn") or ""), text)
    if not text or text in _SUMMARIES or text.startswith(_AMBIENT):
        return
    if told.get("severity") == "error":
        preview.errors.append(message)
    elif told.get("severity") == "warning":
        preview.warnings.append(message)


def _violation(told: Mapping[str, Any]) -> Violation:
    level = {"warning": "advisory"}.get(told["enforcementLevel"], told["enforcementLevel"])
    # The SDK of policies sends the policy's description, and what it reports below that.
    lines = _COLOURS.sub("", str(told["message"])).strip().splitlines()
    text = " ".join(lines[1:] or lines).strip()
    return Violation(str(told.get("resourceUrn") or ""), text, str(told["policyName"]), str(level))


def _remediation(told: Mapping[str, Any]) -> Remediation:
    before, after = told.get("before") or {}, told.get("after") or {}
    inputs = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    return Remediation(str(told.get("resourceUrn") or ""), str(told["policyName"]), tuple(inputs))
