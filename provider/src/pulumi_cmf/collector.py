"""Python's garbage collector in processes that live for one update: little of what it looks through is garbage."""

from __future__ import annotations

import gc
import sys
from functools import cache

_OF_ONE_UPDATE = ("pulumi-language-python-exec", "pulumi.dynamic", "pulumi-resource-cmf")
"""How the engine starts a program, the dynamic providers, and the plugin."""
_NEW_OBJECTS = 50_000
"""After so many new objects they are looked through; Python's default is 700."""


@cache
def settle() -> None:
    """Leave what is loaded by now out of collections, and collect less often; once, however often it is called.

    Else a third of a large program's time are collections. Processes that live longer are left as they are: tests,
    and inline programs of Pulumi's Automation API.
    """
    if any(argument.endswith(_OF_ONE_UPDATE) for argument in sys.orig_argv[:4]):
        gc.freeze()
        gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
