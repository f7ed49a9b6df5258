"""Rules of Flink applications."""

import pytest
from cmf_core.rules import applications


@pytest.mark.rule("E19")
@pytest.mark.parametrize(
    ("spec", "allowed"),
    [({"job": {"jarURI": "local:///a.jar"}}, True), ({}, False), ({"job": {}}, False), ({"job": "x"}, False)],
)
def test_an_application_has_a_job_with_a_jar(spec: dict[str, object], allowed: bool) -> None:
    verdict = applications.has_job("shop", spec)
    assert (verdict is None) is allowed
    assert verdict is None or (verdict.status, verdict.rule) == (422, "E19")


@pytest.mark.rule("E20", "E21")
@pytest.mark.parametrize(
    ("job", "rule"),
    [
        ({"upgradeMode": "savepoint", "state": "running"}, None),
        ({"upgradeMode": "last-state", "state": "suspended"}, None),
        ({"upgradeMode": "stateless"}, None),
        ({"upgradeMode": "LAST_STATE"}, "E20"),
        ({"state": "stopped"}, "E21"),
    ],
)
def test_job_enums(job: dict[str, str], rule: str | None) -> None:
    verdict = applications.job_enums("shop", {"job": job})
    assert (verdict.rule if verdict else None) == rule


def test_suspension_is_read_from_the_spec() -> None:
    assert applications.is_suspended({"job": {"state": "suspended"}})
    assert not applications.is_suspended({"job": {"state": "running"}})
    assert not applications.is_suspended({})
