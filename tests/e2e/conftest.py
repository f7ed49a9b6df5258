"""A fleet of real parts, and the program of examples/fleet as a user would copy it."""

from collections.abc import Iterator

import pytest
from cmf_localfleet.workspace import Workspace

from tests.e2e.walk import Walk


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Three local clusters with stand-ins and a hub; everything ends with the module."""
    walk = Walk(tmp_path_factory.mktemp("walk"), Workspace.find())
    try:
        walk.start()
        yield walk
    finally:
        walk.fleet.down()
