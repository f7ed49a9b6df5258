"""Settings of all tests."""

from collections.abc import Iterator

import psutil
import pytest
from hypothesis import HealthCheck, settings

# Other work on the machine must not fail a test: no deadline an example, no limit on slow input.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """Assert, when all other fixtures have ended, that each process that the tests started has ended and was reaped."""
    before = set(psutil.Process().children())
    yield
    left = [f"{child.pid} ({child.status()}): {child.cmdline()}" for child in _children() - before]
    assert not left


def _children() -> set[psutil.Process]:
    return {child for child in psutil.Process().children() if "multiprocessing" not in " ".join(child.cmdline())}
