"""A report as GitHub's Markdown: short for a small change, folded for a large one, never over GitHub's limit."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from cmf_core.models import ResourceUsageSummary

from pulumi_cmf_policy.comment.differences import Difference
from pulumi_cmf_policy.comment.effects import Weight
from pulumi_cmf_policy.comment.reports import INHERIT, Report, Row, Said, Use
from pulumi_cmf_policy.comment.stacks import Place

MARKER = "<!-- cmf-preview-comment: {} -->"
LIMIT = 65_000
"""Bytes of a comment; GitHub takes 65,536 characters."""
_FEW = 12
"""Rows that are shown without folding."""
_STEPS = (None, 400, 200, 100, 60, 30, 15, 8, 4)
"""Entries of each list, tried until the comment is short enough."""
_LONGEST = 600
_DIFFERENCES = 6
_SIGNS = {"create": "🆕", "update": "✏️", "replace": "♻️", "delete": "🗑️", INHERIT: "↪️"}
_WORDS = {
    "create": "to create",
    "update": "to update",
    "replace": "**to replace**",
    "delete": "**to delete**",
    INHERIT: "changed through their environment",
}
_WEIGHTS = {Weight.NOTHING: "⚪", Weight.STARTS: "🟢", Weight.RESTARTS: "🟠", Weight.LOSES: "🔴"}
_GIB = 2**30


def render(report: Report, limit: int = LIMIT) -> str:
    """Return the comment, at most `limit` bytes of UTF-8: what is left out is counted."""
    for most in _STEPS:
        text = "\n\n".join(part for part in _parts(report, most) if part) + "\n"
        if len(text.encode()) <= limit:
            return text
    return text.encode()[:limit].decode(errors="ignore")


def nothing(stack: str, reason: str) -> str:
    """Return the comment where there is no preview at all."""
    return f"{MARKER.format(_plain(stack))}\n### Flink fleet\n\n❌ **There is no preview.** {_prose(reason)}\n"


def _parts(report: Report, most: int | None) -> Iterator[str]:
    yield f"{MARKER.format(_plain(report.stack))}\n### Flink fleet {_code(report.stack)}: {_summary(report)}"
    yield _refusals(report, most)
    yield _rows(report, most)
    yield _uses(report, most)
    yield _policies(report, most)
    yield _folded(f"{len(report.warnings)} warnings", _listed(report.warnings, "⚠️", most)) if report.warnings else ""
    yield _notes(report)


def _summary(report: Report) -> str:
    counts = Counter(row.action for row in report.rows)
    words = [f"{counts[action]} {_WORDS[action]}" for action in _WORDS if counts[action]]
    return ", ".join(words) or ("nothing is known to change" if report.failed else "no changes")


def _refusals(report: Report, most: int | None) -> str:
    refused = [*report.refusals, *report.removals, *(each for each in report.violations if each.level == "mandatory")]
    if not refused and not report.failed:
        loses = sum(row.effect.weight is Weight.LOSES for row in report.rows)
        restarts = sum(row.effect.weight is Weight.RESTARTS for row in report.rows)
        told = [f"{_WEIGHTS[Weight.LOSES]} {loses} lose state"] * bool(loses)
        told += [f"{_WEIGHTS[Weight.RESTARTS]} {restarts} restart and keep it"] * bool(restarts)
        return "✅ **Nothing is refused.** " + (f"Of what changes, {', '.join(told)}." if told else "Nothing restarts.")
    if not refused:
        return "❌ **The preview failed**, and does not say why: its log does. **What follows is incomplete.**"
    lines = [f"❌ **{_number(len(refused), 'thing is', 'things are')} refused.** `pulumi up` stops at that."]
    if report.failed:
        lines.append("The preview ended there: **what follows is incomplete**, deletions are missing from it.")
    return f"{' '.join(lines)}\n\n{_listed(refused, '❌', most)}"


def _rows(report: Report, most: int | None) -> str:
    if not report.rows:
        return ""
    if len(report.rows) <= _FEW:
        return _table(report.rows, most)
    groups: dict[str, list[Row]] = {}
    for row in report.rows:
        groups.setdefault(_cluster(row.place), []).append(row)
    heads = ["| cluster | changes | restarts | loses state |", "| --- | --- | ---: | ---: |"]
    parts = []
    for name, rows in groups.items():
        counts = Counter(row.action for row in rows)
        changes = ", ".join(f"{_SIGNS[action]} {counts[action]}" for action in _WORDS if counts[action])
        weights = Counter(row.effect.weight for row in rows)
        heads.append(f"| {name} | {changes} | {weights[Weight.RESTARTS] or ''} | {weights[Weight.LOSES] or ''} |")
        parts.append(_folded(f"{_bare(name)}: {_number(len(rows), 'change')}", _table(rows, most)))
    return "\n\n".join(["\n".join(heads), *parts])


def _table(rows: Sequence[Row], most: int | None) -> str:
    # What loses state is never what is left out.
    shown = rows if most is None else sorted(rows, key=lambda row: -row.effect.weight)[:most]
    lines = ["| | resource | on | what changes | what happens |", "| --- | --- | --- | --- | --- |"]
    for row in shown:
        happens = f"{_WEIGHTS[row.effect.weight]} {row.effect.sentence}" if row.effect.sentence else ""
        cells = (
            _SIGNS[row.action],
            f"{row.resource.kind} {_code(row.name)}",
            _where(row.place),
            _changes(row),
            happens,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + _left_out(len(rows) - len(shown))


def _changes(row: Row) -> str:
    if row.action == INHERIT:
        return "defaults of its environment"
    if row.action in ("create", "delete"):
        return {"create": "new", "delete": "**deleted**"}[row.action]
    told = [_change(each) for each in row.differences[:_DIFFERENCES]]
    if len(row.differences) > _DIFFERENCES:
        told.append(f"{len(row.differences) - _DIFFERENCES} more")
    listed = "<br>".join(told) or "what is not shown: a secret, or a value that Pulumi alone keeps"
    return f"**replaced**: {listed}" if row.action == "replace" else listed


def _change(difference: Difference) -> str:
    where = _code(difference.path)
    if not difference.shown:
        return where
    if difference.old is None:
        return f"{where} {_code(difference.new or '')}"
    return f"{where} {_code(difference.old)} → {_code(difference.new) if difference.new is not None else 'removed'}"


def _uses(report: Report, most: int | None) -> str:
    if not report.uses:
        return "Cores and memory stay as they are." if report.rows and not report.unknown else ""
    lines = ["| cluster | environment | cores | memory | TaskManagers |", "| --- | --- | --- | --- | --- |"]
    places = list(report.uses.items())
    shown = places if most is None else sorted(places, key=lambda each: -abs(_cores_added(each[1])))[:most]
    lines += [f"| {_cluster(place)} | {_code(place.environment)} | {_use(use)} |" for place, use in shown]
    lines.append(f"| **total** | | {_use(report.total)} |")
    table = "\n".join(lines) + _left_out(len(places) - len(shown))
    cores, memory = _cores_added(report.total), _memory(report.total.after) - _memory(report.total.before)
    title = f"**Cores {_signed(cores)}, memory {_signed(memory)} GiB**"
    return _folded(title, table) if len(places) > _FEW else f"{title}\n\n{table}"


def _use(use: Use) -> str:
    pairs = (
        (_cores(use.before), _cores(use.after), ""),
        (_memory(use.before), _memory(use.after), " GiB"),
        (use.before.task_manager.count, use.after.task_manager.count, ""),
    )
    return " | ".join(_pair(before, after, unit) for before, after, unit in pairs)


def _pair(before: float, after: float, unit: str) -> str:
    if before == after:
        return f"{_amount(after)}{unit}"
    return f"{_amount(before)} → {_amount(after)}{unit} (**{_signed(after - before)}**)"


def _policies(report: Report, most: int | None) -> str:
    if not report.policies_known:
        return ""
    advisory = [each for each in report.violations if each.level != "mandatory"]
    mandatory = len(report.violations) - len(advisory)
    if not report.violations and not report.remediations:
        return "**Policies**: nothing found."
    counts = [f"{mandatory} mandatory (above)"] * bool(mandatory)
    counts += [f"{len(advisory)} advisory"] * bool(advisory)
    counts += [f"{len(report.remediations)} remediated"] * bool(report.remediations)
    title = f"**Policies**: {', '.join(counts)}"
    lists = [_listed(advisory, "⚠️", most), _listed(report.remediations, "🔧", most)]
    body = "\n".join(each for each in lists if each)
    if not body:
        return title
    return _folded(title, body) if len(advisory) + len(report.remediations) > 3 else f"{title}\n\n{body}"


def _notes(report: Report) -> str:
    notes = []
    if report.others:
        told = ", ".join(f"{number} {_WORDS[action].strip('*')}" for action, number in report.others.items())
        notes.append(f"Other providers' resources: {told}.")
    if report.unknown:
        notes.append(f"Known at `up` only, and not counted: {', '.join(map(_prose, report.unknown[:10]))}.")
    if not report.policies_known:
        notes.append(
            "Policies' results are not in this preview: set `PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true` and give "
            "`--policy-pack`."
        )
    return "\n".join(f"<sub>{note}</sub>" for note in notes)


def _listed(given: Iterable[Said], sign: str, most: int | None) -> str:
    said = list(given)
    lines = [f"- {sign} {_sentence(each)}" for each in said[:most]]
    return "\n".join(lines) + _left_out(len(said) - len(lines))


def _sentence(said: Said) -> str:
    about = f"{_prose(said.about)}: " if said.about else ""
    policy = f" — policy {_code(said.policy)}" if said.policy else ""
    return f"{about}{_prose(said.text)}{policy}"


def _left_out(number: int) -> str:
    return f"\n\n… and {number} more, which `pulumi preview` shows." if number > 0 else ""


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{_to_html(title)}</summary>\n\n{body}\n\n</details>"


def _where(place: Place) -> str:
    if place.environment:
        return f"{_cluster(place)}<br>{_code(place.environment)}"
    return _cluster(place) if place.cluster != "" else "CMF"


def _cluster(place: Place) -> str:
    if place.cluster is None:
        return "a cluster that is not in this stack"
    return _code(place.cluster) if place.cluster else "CMF"


def _cores(usage: ResourceUsageSummary) -> float:
    return usage.job_manager.cpu + usage.task_manager.cpu


def _memory(usage: ResourceUsageSummary) -> float:
    return (usage.job_manager.memory + usage.task_manager.memory) / _GIB


def _cores_added(use: Use) -> float:
    return _cores(use.after) - _cores(use.before)


def _amount(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def _signed(value: float) -> str:
    rounded = _amount(abs(value))
    return "±0" if rounded == "0" else f"{'+' if value > 0 else '-'}{rounded}"


def _number(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _code(text: str) -> str:
    """Return a name as code, in which nothing has a meaning of its own."""
    return f"<code>{_plain(text).replace('|', '&#124;')}</code>" if text else ""


def _bare(cell: str) -> str:
    return cell


def _prose(text: str) -> str:
    """Return a sentence of somebody else's: it mentions nobody, links nothing and opens no tag."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    escaped = re.sub(r"([\\`*_{}\[\]|#~])", r"\\\1", _plain(" ".join(short.split())))
    return escaped.replace("@", "@&#8203;").replace("://", ":&#8203;//")


def _plain(text: str) -> str:
    return html.escape(text, quote=False).replace("--", "&#45;&#45;")


def _to_html(title: str) -> str:
    """Return a title for a summary, in which GitHub reads no Markdown."""
    title = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", title)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", title)
