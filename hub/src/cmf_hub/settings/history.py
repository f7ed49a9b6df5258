"""How much is remembered of each application."""

from __future__ import annotations

from pydantic import Field

from cmf_hub.settings.group import Group


class History(Group):
    """How much is remembered of each application; older entries are forgotten."""

    application_events_max_events_per_application: int = Field(default=100, ge=1)
    """Events that are kept of an application, the newest ones; CMF's default."""

    application_instances_max_instances_per_application: int = Field(default=100, ge=1)
    """Instances that are kept of an application, the newest ones and the one that is deployed; CMF's default."""
