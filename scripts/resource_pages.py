"""The pages of docs/resources, made from the provider's schema: one a resource."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.spelling import camel

Schema = Mapping[str, Any]
_NAMES = {"Any": "anything"}


def resource_pages(schema: Schema) -> dict[str, str]:
    """Return the text of each page by its path, and of the list of them."""
    pages = {f"docs/resources/{name}.md": _page(name, schema) for name in KINDS}
    rows = ["| resource | what it is |", "| --- | --- |"]
    for name in KINDS:
        first = schema["resources"][f"cmf:index:{name}"]["description"].split("\n\n")[0]
        rows.append(f"| [{name}]({name}.md) | {' '.join(first.split())} |")
    text = (
        "# Resources\n\nIn Python, `from pulumi_cmf import Environment`; names of inputs and outputs are in snake_case "
        "(`cluster_spec`), as in these pages with an underscore before each capital.\n\n"
    )
    return pages | {"docs/resources/README.md": text + "\n".join(rows) + "\n"}


def _page(name: str, schema: Schema) -> str:
    resource = schema["resources"][f"cmf:index:{name}"]
    inputs = resource["inputProperties"]
    outputs = {key: value for key, value in resource["properties"].items() if key not in inputs}
    required = set(resource["requiredInputs"])
    parts = [f"# {name}", resource["description"], "## Inputs", *_table(inputs, required, schema)]
    parts += ["## Outputs", *_table(outputs, set(), schema)]
    kind = KINDS[name]
    fixed = sorted(camel(each) for each in {*kind.identity, *kind.immutable} if camel(each) in inputs)
    parts.append(f"A change of {', '.join(f'`{each}`' for each in fixed)} replaces the resource.")
    nested = list(dict.fromkeys(_nested(inputs, schema)))
    if nested:
        parts.append("## Nested inputs")
    for token in nested:
        type_ = schema["types"][token]
        parts += [f"### {_short(token)}", type_.get("description", ""), *_table(type_["properties"], set(), schema)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(properties: Schema, required: set[str], schema: Schema) -> list[str]:
    rows = ["| name | type | |", "| --- | --- | --- |"]
    for name, value in properties.items():
        told = " ".join(value.get("description", "").split())
        head = "**required** " if name in required else ""
        secret = "secret; " if value.get("secret") else ""
        rows.append(f"| `{name}` | {secret}{_type(value, schema)} | {head}{told} |")
    return ["\n".join(rows)]


def _type(value: Schema, schema: Schema) -> str:
    if "$ref" in value:
        named = value["$ref"].rpartition("/")[2]
        values = schema["types"].get(named, {}).get("enum", ())
        return " or ".join(f"`{each['value']}`" for each in values) or _NAMES.get(named, _short(named))
    if value["type"] == "array":
        return f"list of {_type(value['items'], schema)}"
    if value["type"] == "object":
        return f"map of {_type(value['additionalProperties'], schema)}"
    return str(value["type"])


def _short(token: str) -> str:
    return token.rpartition(":")[2]


def _nested(properties: Schema, schema: Schema) -> Iterator[str]:
    """Yield the object types that properties refer to, and those that these refer to."""
    for value in properties.values():
        token = value.get("$ref", "").partition("#/types/")[2]
        if token and "properties" in schema["types"][token]:
            yield token
            yield from _nested(schema["types"][token]["properties"], schema)
