"""What Schemathesis needs to get beyond 404: names that are there, bodies that rules allow, answers in YAML too.

Only some of the requests are steered, and of them only those that are meant to be valid.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.generation.meta import TestPhase

from tests.conformance.differences import DIFFERENCES
from tests.support.hub import application, mapping, pool, secret, statement

NAMES = ("random-one", "random-two", "random-three")
_NAME = st.sampled_from(NAMES)
_SUFFIXES = {"application": "-app", "statement": "-sql"}
"""Applications and statements would else take the names of pools in the same namespace."""
_IN_TEN = st.integers(0, 9)
_ALIASES = {"kubernetesClusterName": "cluster", "appName": "application", "stmtName": "statement"}
"""What our document calls parameters of CMF's."""


@schemathesis.check
def code_is_declared_or_explained(context: Any, response: Any, case: Case[Any]) -> None:
    """Fail for a code that CMF's document does not declare and for which `differences` has no reason."""
    declared = case.operation.definition.raw.get("responses", {})
    if str(response.status_code) in declared:
        return
    path = re.sub(r"{[^}]*}", "{}", case.path)
    text = f"{case.method.upper()} {path}: code {response.status_code} is ours alone"
    assert any(fnmatchcase(text, pattern) for pattern in DIFFERENCES), text


@schemathesis.hook
def before_generate_case(context: Any, strategy: st.SearchStrategy[Case[Any]]) -> st.SearchStrategy[Case[Any]]:
    """Steer nine in ten paths and two in three bodies to what may be there; ask for YAML every second time."""
    return _steered(strategy)


@st.composite
def _steered(draw: st.DrawFn, strategy: st.SearchStrategy[Case[Any]]) -> Case[Any]:
    case = draw(strategy)
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    if draw(st.booleans()):
        case.headers["Accept"] = "application/yaml"
    if case.meta.phase.name != TestPhase.STATEFUL and draw(_IN_TEN) < 9:
        for parameter in case.path_parameters:
            case.path_parameters[parameter] = draw(_segment(parameter))
    body = _SENSIBLE.get(_plural(case.path))
    if body is not None and case.method in ("POST", "PUT") and isinstance(case.body, dict) and draw(_IN_TEN) < 7:
        case.body = draw(body)
        if case.method == "PUT" and draw(_IN_TEN) < 9:
            case.body["metadata"] = {}
    return case


def _segment(parameter: str) -> st.SearchStrategy[str]:
    parameter = _ALIASES.get(parameter, parameter)
    if parameter == "cluster":
        return st.sampled_from(["spoke", "default-k8s-cluster"])
    return _NAME.map(lambda name: name + _SUFFIXES.get(parameter, ""))


def _plural(path: str) -> str:
    """Return the kind of a path, as in /environments/{environment}."""
    return next(part for part in reversed(path.split("/")) if not part.startswith("{"))


def _catalog(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"srInstance": {"connectionConfig": {"schema.registry.url": "http://sr"}}},
    }


def _database(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"kafkaCluster": {"connectionConfig": {"bootstrap.servers": "k:9092"}}}}


_SENSIBLE: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "environments": st.builds(
        lambda name, cluster: {"name": name, "kubernetesNamespace": "flink", "kubernetesClusterName": cluster},
        _NAME,
        st.sampled_from([None, "spoke"]),
    ),
    "applications": st.builds(
        lambda name, n: application(name + _SUFFIXES["application"], parallelism=n), _NAME, st.integers(0, 3)
    ),
    "compute-pools": st.builds(pool, _NAME, st.sampled_from(["SHARED", "DEDICATED"])),
    "statements": st.builds(
        lambda name, on, stopped: statement(name + _SUFFIXES["statement"], on, stopped=stopped),
        _NAME,
        _NAME,
        st.booleans(),
    ),
    "secrets": st.builds(lambda name, value: secret(name, {"password": value}), _NAME, st.text(max_size=5)),
    "secret-mappings": st.builds(mapping, _NAME, _NAME),
    "kafka": _NAME.map(_catalog),
    "databases": _NAME.map(_database),
    "kubernetes-clusters": st.sampled_from(["ACTIVE", "ACTIVE", "ACTIVE", "DECOMMISSIONED"]).map(
        lambda state: {"spec": {"lifecycleState": state}, "metadata": {"labels": {"a": "b"}}}
    ),
    "savepoints": st.builds(lambda name: {"metadata": {"name": name}, "spec": {}}, _NAME),
    "detached-savepoints": st.builds(lambda name: {"metadata": {"name": name}, "spec": {"path": "s3://a/b"}}, _NAME),
}
