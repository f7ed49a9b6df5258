"""Settings of all tests."""

from collections.abc import Iterator

import psutil
import pytest
from hypothesis import HealthCheck, settings

from tests.support import guard

# Other work on the machine must not fail a test: no deadline an example, no limit on slow input. A run has the same
# examples as the one before; `--hypothesis-profile explore` looks for new ones.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("default", settings.get_profile("explore"), derandomize=True)
settings.load_profile("default")


def pytest_configure() -> None:
    """Let nothing outlive a run that is killed."""
    guard.start()


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """Assert, when all other fixtures have ended, that each process that the tests started has ended and was reaped."""
    before = set(psutil.Process().children())
    yield
    left = [told for child in set(psutil.Process().children()) - before if (told := _told(child))]
    assert not left


def _told(child: psutil.Process) -> str | None:
    """Return what a process is; None of one that has just ended, and of those of multiprocessing, which end with us."""
    try:
        command = " ".join(child.cmdline())
        return None if "multiprocessing" in command else f"{child.pid} ({child.status()}): {command}"
    except psutil.NoSuchProcess:
        return None
