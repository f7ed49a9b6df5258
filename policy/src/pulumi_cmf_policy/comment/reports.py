"""What a comment has to say of a preview: rows, refusals, policies' results, cores and memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cmf_core.models import ResourceUsageSummary
from pulumi_policy.proxy import UnknownValueError

from pulumi_cmf_policy.comment.differences import Difference, differences
from pulumi_cmf_policy.comment.effects import NOTHING, Effect, effect
from pulumi_cmf_policy.comment.previews import Preview, Remediation, Violation
from pulumi_cmf_policy.comment.stacks import DEPLOYMENTS, Fleet, Place, text
from pulumi_cmf_policy.removal import removals
from pulumi_cmf_policy.resources import Described

INHERIT = "inherit"
"""What happens to a resource that is not changed itself: the defaults of its environment are."""
ACTIONS = ("create", "update", "replace", "delete", INHERIT)
_ORDER = {action: index for index, action in enumerate(("delete", "replace", "update", INHERIT, "create"))}


@dataclass(frozen=True)
class Row:
    """One resource that changes."""

    action: str
    resource: Described
    place: Place
    differences: Sequence[Difference]
    effect: Effect

    @property
    def name(self) -> str:
        """CMF's name of it; Pulumi's if that is not known yet."""
        return text(self.resource, "name") or self.resource.urn.rpartition("::")[2]


@dataclass
class Use:
    """Cores and memory of one place, before and after."""

    before: ResourceUsageSummary = field(default_factory=ResourceUsageSummary)
    after: ResourceUsageSummary = field(default_factory=ResourceUsageSummary)

    def __add__(self, other: Use) -> Use:
        return Use(self.before + other.before, self.after + other.after)


@dataclass(frozen=True)
class Said:
    """A sentence on a resource, or on the stack if `about` is empty."""

    about: str
    text: str
    policy: str = ""
    level: str = ""


@dataclass
class Report:
    """Everything that a comment says.

    Attributes:
        stack: project and stack.
        failed: whether the preview failed: what follows is then incomplete.
        rows: resources that change, by place.
        others: numbers of resources of other providers, by action.
        refusals: what CMF would refuse, and whatever else made the preview fail.
        removals: deletions that the policy on protected stacks forbids.
        warnings: what is probably a mistake.
        violations: what policies found.
        remediations: what policies changed.
        policies_known: whether policies' results were to be had.
        uses: cores and memory by place, where they change.
        unknown: deployments whose size is known at `up` only.
    """

    stack: str
    failed: bool
    rows: list[Row]
    others: Mapping[str, int]
    refusals: list[Said]
    removals: list[Said]
    warnings: list[Said]
    violations: list[Said]
    remediations: list[Said]
    policies_known: bool
    uses: Mapping[Place, Use]
    unknown: list[str]

    @property
    def refused(self) -> bool:
        """Whether this must not be merged as it is."""
        return (
            self.failed or bool(self.refusals or self.removals) or any(v.level == "mandatory" for v in self.violations)
        )

    @property
    def total(self) -> Use:
        """Cores and memory of all places that change."""
        return sum(self.uses.values(), Use())


def report(preview: Preview, config: Mapping[str, Any] | None = None) -> Report:
    """Put together what there is to say of a preview.

    Args:
        preview: it.
        config: the policy pack's configuration, for the policy on protected stacks; None: its defaults.
    """
    before = Fleet({urn: step.old for urn, step in preview.steps.items() if step.old is not None})
    after = Fleet({urn: step.new for urn, step in preview.steps.items() if step.new is not None})
    rows, others = [], dict.fromkeys(ACTIONS, 0)
    for urn, step in preview.steps.items():
        resource = step.new or step.old
        if resource is None:
            others[step.action] = others.get(step.action, 0) + 1
            continue
        action = _inherited(urn, before, after) if step.action == "same" else step.action
        if action != "same":
            found = differences(step.old, step.new, step.named) if step.old and step.new else []
            place = (after if step.new else before).place(resource)
            rows.append(Row(action, resource, place, found, effect(action, urn, before, after)))
    rows.sort(key=lambda row: (row.place.sorting(), _ORDER[row.action], row.resource.kind, row.name))
    titles = {urn: _title(step.new or step.old, urn) for urn, step in preview.steps.items()}
    uses, unknown = _uses(preview, before, after, titles)
    removed = [row.resource for row in rows if row.action in ("delete", "replace")]
    return Report(
        stack=preview.stack,
        failed=preview.failed,
        rows=rows,
        others={action: number for action, number in others.items() if number and action != "same"},
        refusals=[_said(message.urn, message.text, titles) for message in preview.errors],
        removals=[Said(_title(each, each.urn), text) for each in removed for text in removals(each, config or {})],
        warnings=_warnings(preview, titles),
        violations=[_violation(each, titles) for each in preview.violations],
        remediations=[_remediation(each, titles) for each in preview.remediations],
        policies_known=preview.policies_known,
        uses=uses,
        unknown=unknown,
    )


def _inherited(urn: str, before: Fleet, after: Fleet) -> str:
    """Return whether a resource that is not changed itself gets other defaults of its environment."""
    try:
        old, new = before.deployment(urn), after.deployment(urn)
    except UnknownValueError:
        return "same"
    return INHERIT if old is not None and new is not None and dict(old.spec) != dict(new.spec) else "same"


def _uses(
    preview: Preview, before: Fleet, after: Fleet, titles: Mapping[str, str]
) -> tuple[dict[Place, Use], list[str]]:
    uses: dict[Place, Use] = {}
    unknown = []
    for urn, step in preview.steps.items():
        resource = step.new or step.old
        if resource is None or resource.kind not in DEPLOYMENTS:
            continue
        try:
            was, will_be = before.usage(urn), after.usage(urn)
        except UnknownValueError:
            unknown.append(titles[urn])
            continue
        for place, use in _placed(step.old, step.new, before, after, was, will_be):
            uses[place] = uses.get(place, Use()) + use
    changed = {place: use for place, use in uses.items() if use.before != use.after}
    return dict(sorted(changed.items(), key=lambda item: item[0].sorting())), unknown


def _placed(
    old: Described | None,
    new: Described | None,
    before: Fleet,
    after: Fleet,
    was: ResourceUsageSummary,
    will_be: ResourceUsageSummary,
) -> Iterable[tuple[Place, Use]]:
    if old is not None:
        yield before.place(old), Use(before=was)
    if new is not None:
        yield after.place(new), Use(after=will_be)


def _title(resource: Described | None, urn: str) -> str:
    if resource is None:
        type_, _, name = urn.rpartition("::")
        return f"{type_.rpartition('$')[2].rpartition(':')[2]} '{name}'" if urn else ""
    return f"{resource.kind} '{text(resource, 'name') or urn.rpartition('::')[2]}'"


def _said(urn: str, sentence: str, titles: Mapping[str, str]) -> Said:
    about = titles.get(urn) or _title(None, urn)
    return Said("" if about and about in sentence else about, sentence)


def _warnings(preview: Preview, titles: Mapping[str, str]) -> list[Said]:
    """Return warnings, less what a policy says as well, and each of them once."""
    known = {each.text for each in preview.violations}
    said = [_said(each.urn, each.text, titles) for each in preview.warnings if each.text not in known]
    return list(dict.fromkeys(said))


def _violation(violation: Violation, titles: Mapping[str, str]) -> Said:
    said = _said(violation.urn, violation.text, titles)
    stack = said.about.startswith("Stack ")  # a policy on the whole stack names what it is about in its sentence
    return Said("" if stack else said.about, said.text, violation.policy, violation.level)


def _remediation(remediation: Remediation, titles: Mapping[str, str]) -> Said:
    about = titles.get(remediation.urn) or _title(None, remediation.urn)
    return Said(about, f"changed {', '.join(remediation.inputs)}", remediation.policy, "remediate")


__all__ = ["ACTIONS", "INHERIT", "NOTHING", "Report", "Row", "Said", "Use", "report"]
