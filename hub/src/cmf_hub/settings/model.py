"""The one typed object of all settings."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_settings import BaseSettings, SettingsConfigDict

from cmf_hub.settings.flink import Flink
from cmf_hub.settings.group import PREFIX, Group
from cmf_hub.settings.history import History
from cmf_hub.settings.kubernetes import Kubernetes
from cmf_hub.settings.security import Security
from cmf_hub.settings.server import Server
from cmf_hub.settings.sql import Sql
from cmf_hub.settings.storage import Storage


class Settings(Server, Security, Storage, Kubernetes, Flink, Sql, History, BaseSettings):
    """Everything that can be set about a hub."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, populate_by_name=True)


def grouped() -> Iterator[tuple[str, type[Group]]]:
    """Yield the name and the group of every setting, in the order in which they are shown."""
    for group in Settings.__bases__:
        if issubclass(group, Group):
            yield from ((name, group) for name in group.model_fields)
