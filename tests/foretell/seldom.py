"""What few programs are refused for, so that some hundred cases meet it all the same."""

from __future__ import annotations

import random
from typing import Any

from tests.foretell.meddling import add_database
from tests.foretell.programs import Case, used_in
from tests.foretell.specifications import laid
from tests.foretell.stack import Declared
from tests.support import hub as samples
from tests.support.hub import Hub


def seldom(case: Case, cmf: Hub, program: list[Declared], others: random.Random) -> list[Declared]:
    """Return a program, now and then with what is refused for a reason that few programs have.

    It comes last, so that what is refused for other reasons is met before.

    Args:
        case: whose program.
        cmf: the hub.
        program: to end with that.
        others: decides, in the place of the case's own.
    """
    catalog = next((each for each in program if each.kind == "KafkaCatalog"), None)
    if catalog is not None and others.random() < 0.5 and add_database(cmf, catalog):
        program = [each for each in program if each is not catalog and catalog.name not in each.needs]
    environments = [each for each in program if each.kind == "Environment"]
    if not environments or others.random() < 0.5:
        return program
    makers = [_misfit, _mapping, _savepoint]
    return [*program, *others.choice(makers)(case, environments[-1])]


def _misfit(case: Case, environment: Declared) -> list[Declared]:
    """Return an application with a number where an object has to be (SHAPE)."""
    return [_application(case, environment, {"jobManager": 1})]


def _mapping(case: Case, environment: Declared) -> list[Declared]:
    """Return a mapping of a secret that is not there (E37)."""
    inputs = {"name": case.name("unmapped"), "secret_name": case.name("nothing")}
    return [used_in(environment, Declared("unmapped", "EnvironmentSecretMapping", inputs))]


def _savepoint(case: Case, environment: Declared) -> list[Declared]:
    """Return a savepoint of an application that is not to run (E27)."""
    application = _application(case, environment, {"job": {"state": "suspended"}})
    return [application, case.savepoint(application)]


def _application(case: Case, environment: Declared, part: dict[str, Any]) -> Declared:
    spec = laid(part, samples.application("x")["spec"])
    inputs = {"name": case.name("seldom"), "spec": spec, "wait_for": "accepted"}
    return used_in(environment, Declared("seldom", "FlinkApplication", inputs))
