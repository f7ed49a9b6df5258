"""Errors carry the HTTP status, and a status leads back to the same class."""

import pytest
from cmf_core import errors


def test_every_status_of_the_api_has_its_class() -> None:
    for cls in (errors.BadRequest, errors.NotFound, errors.Conflict, errors.Unprocessable, errors.ClusterUnavailable):
        error = errors.error_for(cls.status, ["why"])
        assert type(error) is cls
        assert (error.status, error.messages, str(error)) == (cls.status, ("why",), "why")


def test_an_unknown_status_is_kept() -> None:
    error = errors.error_for(418, ["teapot"], retry_after=2.0)
    assert type(error) is errors.CmfError
    assert (error.status, error.retry_after) == (418, 2.0)


def test_several_messages_are_one_text() -> None:
    with pytest.raises(errors.BadRequest, match="first; second"):
        raise errors.BadRequest("first", "second")
