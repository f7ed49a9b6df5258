"""Drawing: what runs where, from a stack's state. Pure, and the command `cmf-draw` over it."""

from pulumi_cmf_components.drawing.picture import draw
from pulumi_cmf_components.drawing.stack import Item, NotAStack, Stack, read

__all__ = ["Item", "NotAStack", "Stack", "draw", "read"]
