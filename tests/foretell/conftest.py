"""The hub and clusters of the provider's tests, and time for the hub to answer on a busy machine."""

import pytest
from pulumi_cmf.lifecycle import facts

from tests.provider.conftest import cmf, fleet, hub, program, settings, spoke

__all__ = ["cmf", "fleet", "hub", "program", "settings", "spoke"]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview that gives CMF up foretells nothing, which is not what is compared here."""
    monkeypatch.setattr(facts, "READ_SECONDS", 60.0)
