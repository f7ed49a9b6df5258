"""The hub and clusters of the provider's tests."""

from tests.provider.conftest import cmf, fleet, hub, program, settings, spoke

__all__ = ["cmf", "fleet", "hub", "program", "settings", "spoke"]
