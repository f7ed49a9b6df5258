"""The API's documentation as the hub serves it: `/openapi.json`, and `/docs`, a page that loads nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cmf_hub.api.encoding import JSON
from cmf_hub.api.openapi import Document, document
from cmf_hub.api.operation import Operation

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "summary{cursor:pointer;padding:.2rem 0}code,pre{font-family:ui-monospace,monospace}"
    "pre{background:#f4f4f4;padding:.8rem;overflow:auto}table{border-collapse:collapse}"
    "td{border:1px solid #ccc;padding:.2rem .6rem;vertical-align:top}details{margin-left:1rem}"
)
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def documentation(operations: Sequence[Operation]) -> list[Route]:
    """Return the routes of the documentation; both answers are made once."""
    described = document(operations)
    text, page = json.dumps(described, ensure_ascii=False), _page(described)

    async def openapi(_: Request) -> Response:
        return Response(text, media_type=JSON)

    async def docs(_: Request) -> Response:
        return HTMLResponse(page, headers=_HEADERS)

    return [Route("/openapi.json", openapi), Route("/docs", docs)]


def _page(described: Document) -> str:
    info = described["info"]
    body = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
        '<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>',
        *_operations(described),
        "<h2>Schemas</h2>",
        *(_folded(f"<code>{escape(name)}</code>", _json(schema), name)
          for name, schema in described["components"]["schemas"].items()),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><title>{escape(info["title"])}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>'


def _operations(described: Document) -> Iterator[str]:
    tag = None
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{escape(tag)}</h2>"
            title = f"<b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation['summary'])}"
            yield _folded(title, "".join(_details(operation)), operation["operationId"])


def _details(operation: Document) -> Iterator[str]:
    if "description" in operation:
        yield f"<p>{escape(operation['description'])}</p>"
    if operation["parameters"]:
        yield "<p>Parameters</p>"
        yield _table((each["name"], each["in"], each.get("description", "")) for each in operation["parameters"])
    if "requestBody" in operation:
        yield f"<p>Body: {_link(operation['requestBody'])}</p>"
    yield "<p>Answers</p>"
    yield _table((code, answer["description"], _link(answer)) for code, answer in operation["responses"].items())


def _link(holder: Document) -> _Markup:
    content = holder.get("content")
    if content is None:
        return _Markup("")
    name = escape(content[JSON]["schema"]["$ref"].rpartition("/")[2])
    return _Markup(f'<a href="#{name}"><code>{name}</code></a>')


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    lines = ("".join(f"<td>{cell if isinstance(cell, _Markup) else escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _folded(title: str, inside: str, anchor: str) -> str:
    return f'<details id="{escape(anchor)}"><summary>{title}</summary>{inside}</details>'
