"""Configuration of policies: schemas in short, and values with their defaults."""

from __future__ import annotations

from typing import Any

from pulumi_policy import PolicyConfigSchema, ResourceValidationArgs, StackValidationArgs


def text(description: str, default: str) -> dict[str, Any]:
    """Return the schema of a text."""
    return {"type": "string", "description": description, "default": default}


def texts(description: str, default: list[str] | None = None) -> dict[str, Any]:
    """Return the schema of a list of texts."""
    items = {"type": "string"}
    return {"type": "array", "items": items, "description": description, "default": default or []}


def table(description: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of an object whose keys the user names; its values are texts unless said otherwise."""
    kind = values or {"type": "string"}
    return {"type": "object", "additionalProperties": kind, "description": description, "default": {}}


def value(args: ResourceValidationArgs | StackValidationArgs, schema: PolicyConfigSchema, name: str) -> Any:
    """Return what is configured, or the schema's default."""
    given = args.get_config().get(name)
    return schema.properties[name]["default"] if given is None else given
