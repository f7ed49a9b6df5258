"""The picture: boxes in boxes, as one SVG that is the same whenever the stack is."""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from pulumi_cmf_components.drawing.stack import Item, Stack

_PADDING, _GAP = 12, 10
_TITLE, _NAME, _SMALL = 18, 13, 11
"""Sizes of letters in pixels."""
_LINE = 16
_HEAD = 38
"""Height of a box's caption and name."""
_LETTER = 0.61
"""Width of a letter, by its size: all are of one width."""
_LEAST, _MOST = 150, 360
"""Widths of the innermost boxes in pixels; longer names are cut, and whole in the box's title."""
_COLUMNS = {"root": 3, "Environment": 2, "shared": 2}
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_FILL = {
    "KubernetesCluster": "#eef1f4",
    "Environment": "#ffffff",
    "FlinkApplication": "#e6f2ff",
    "ComputePool": "#fff6e0",
    "Statement": "#fffdf7",
    "Savepoint": "#ffffff",
    "shared": "#eef1f4",
}
_GOOD = frozenset({"CONNECTED", "RUNNING", "STABLE", "COMPLETED", "FINISHED", "DEDICATED"})
_BAD = frozenset({"DISCONNECTED", "FAILED", "FAILING", "ERROR"})
_UNPRINTABLE = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Box:
    """An item and where it is: left, top, width and height in pixels; its children's boxes are inside."""

    item: Item
    x: int
    y: int
    width: int
    height: int
    children: tuple[Box, ...]

    def all(self) -> Iterator[Box]:
        """Yield it and what is inside."""
        yield self
        for child in self.children:
            yield from child.all()


def laid_out(items: list[Item]) -> Box:
    """Return the boxes of a picture in one that is as large as all of them."""
    root = Item("root", "", "", children=items)
    return _placed(root, 0, 0, _natural(root))


def draw(stack: Stack) -> str:
    """Return the picture of a stack as the text of an SVG file."""
    root = laid_out(stack.items)
    title = f"What runs where: {stack.name}"
    top = _PADDING + _TITLE + _GAP
    note = "Resources of other providers are not drawn." if stack.others else ""
    width = max(root.width, *(round(len(text) * size * _LETTER) + 2 * _PADDING
                              for text, size in ((title, _TITLE), (note, _SMALL))))  # fmt: skip
    height = top + root.height + (_LINE + _PADDING if note else 0)
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "role": "img",
            "aria-labelledby": "cmf-draw-title cmf-draw-desc",
            "font-family": _FONT,
        },
    )
    ET.SubElement(svg, "title", {"id": "cmf-draw-title"}).text = _printable(title)
    ET.SubElement(svg, "desc", {"id": "cmf-draw-desc"}).text = _printable(_described(stack, note))
    ET.SubElement(svg, "rect", {"width": str(width), "height": str(height), "fill": "#ffffff"})
    _write(svg, title, _PADDING, _PADDING + _TITLE - 3, _TITLE, "#1f2328", weight="bold")
    drawing = ET.SubElement(svg, "g", {"transform": f"translate(0 {top})"})
    for child in root.children:
        _show(drawing, child)
    if note:
        _write(svg, note, _PADDING, height - _PADDING, _SMALL, "#57606a")
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _natural(item: Item) -> int:
    """Return the width that an item would like."""
    columns = min(_COLUMNS.get(item.kind, 1), len(item.children))
    inside = max((_natural(child) for child in item.children), default=0)
    head = max(_width(text, size) for text, size in _texts(item))
    own = min(max(head + 2 * _PADDING, _LEAST), _MOST)
    return max(own, columns * inside + max(columns - 1, 0) * _GAP + 2 * _PADDING if columns else 0)


def _placed(item: Item, x: int, y: int, width: int) -> Box:
    """Lay an item out: its children go in columns of one width, each where there is room first."""
    columns = min(_COLUMNS.get(item.kind, 1), len(item.children))
    top = y + (0 if item.kind == "root" else _HEAD + _LINE * len(item.details) + _GAP)
    if not columns:
        return Box(item, x, y, width, top - y, ())
    each = (width - 2 * _PADDING - (columns - 1) * _GAP) // columns
    bottoms = [top] * columns
    children = []
    for child in item.children:
        column = bottoms.index(min(bottoms))
        box = _placed(child, x + _PADDING + column * (each + _GAP), bottoms[column], each)
        bottoms[column] += box.height + _GAP
        children.append(box)
    return Box(item, x, y, width, max(bottoms) - _GAP + _PADDING - y, tuple(children))


def _show(parent: ET.Element, box: Box) -> None:
    item, group = box.item, ET.SubElement(parent, "g", {"data-kind": box.item.kind})
    ET.SubElement(group, "title").text = _printable(item.words)
    frame = {
        "x": str(box.x),
        "y": str(box.y),
        "width": str(box.width),
        "height": str(box.height),
        "rx": "6",
        "fill": _FILL.get(item.kind, "#f6f8fa"),
        "stroke": "#8c959f",
    }
    ET.SubElement(group, "rect", frame if item.managed else {**frame, "stroke-dasharray": "5 4"})
    x, room = box.x + _PADDING, box.width - 2 * _PADDING
    state = _cut(item.state, _SMALL, room // 2)
    _write(group, _cut(_caption(item), _SMALL, room - _width(state, _SMALL) - _GAP), x, box.y + 16, _SMALL, "#57606a")
    if state:
        colour = "#116329" if item.state in _GOOD else "#b3261e" if item.state in _BAD else "#7a4d00"
        _write(group, state, box.x + box.width - _PADDING, box.y + 16, _SMALL, colour, weight="bold", anchor="end")
    _write(group, _cut(item.name, _NAME, room), x, box.y + 34, _NAME, "#1f2328", weight="bold")
    for number, detail in enumerate(item.details, 1):
        _write(group, _cut(detail, _SMALL, room), x, box.y + 34 + _LINE * number, _SMALL, "#1f2328")
    for child in box.children:
        _show(group, child)


def _caption(item: Item) -> str:
    return item.caption if item.managed else f"{item.caption}, not in this stack"


def _texts(item: Item) -> list[tuple[str, int]]:
    return [
        (f"{_caption(item)}  {item.state}", _SMALL),
        (item.name, _NAME),
        *((detail, _SMALL) for detail in item.details),
    ]


def _write(
    parent: ET.Element, text: str, x: int, y: int, size: int, fill: str, *, weight: str = "", anchor: str = ""
) -> None:
    look = {"x": str(x), "y": str(y), "font-size": str(size), "fill": fill}
    if weight:
        look["font-weight"] = weight
    if anchor:
        look["text-anchor"] = anchor
    ET.SubElement(parent, "text", look).text = _printable(text)


def _width(text: str, size: int) -> int:
    return round(sum(_letters(letter) for letter in text) * size * _LETTER)


def _letters(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _cut(text: str, size: int, room: int) -> str:
    """Return a text that fits."""
    if _width(text, size) <= room:
        return text
    while text and _width(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text}…"


def _printable(text: str) -> str:
    """Return a text that XML can have."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _described(stack: Stack, note: str) -> str:
    def lines(items: list[Item], depth: int) -> Iterator[str]:
        for item in items:
            yield "  " * depth + item.words
            yield from lines(item.children, depth + 1)

    return "\n".join([*lines(stack.items, 0), *([note] if note else [])]) or "Nothing."
