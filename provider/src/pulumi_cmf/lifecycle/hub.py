"""A CMF as the life cycles use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from cmf_core.client import AsyncClient

from pulumi_cmf.lifecycle.lists import Recent
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.waiting import Clock, SystemClock


@dataclass(frozen=True)
class Hub:
    """A CMF, and what the provider needs beside it."""

    client: AsyncClient
    settings: Settings
    clock: Clock = field(default_factory=SystemClock)

    @cached_property
    def recent(self) -> Recent:
        """What lists said a moment ago."""
        return Recent(self.client, self.clock)
