"""What SQL adds to the pod of a JobManager, beside what users put there."""

from typing import Any

import pytest
from cmf_hub.flink.pods import has_gateway, with_gateway, with_volumes

BASE = {"image": "flink:1.19", "flinkVersion": "v1_19"}


def pod(spec: dict[str, Any]) -> Any:
    return spec["jobManager"]["podTemplate"]["spec"]


def template(containers: list[dict[str, Any]], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"spec": {"containers": containers, "volumes": volumes}}


def operator_merge(common: Any, own: Any) -> Any:
    """Merge as the operator does: objects by field, lists by position."""
    if isinstance(common, dict) and isinstance(own, dict):
        return {key: operator_merge(common.get(key), own.get(key)) for key in {**common, **own}}
    if isinstance(common, list) and isinstance(own, list):
        longest = range(max(len(common), len(own)))
        return [operator_merge(_at(common, number), _at(own, number)) for number in longest]
    return common if own is None else own


def _at(items: list[Any], number: int) -> Any:
    return items[number] if number < len(items) else None


@pytest.mark.rule("P10", "P11")
def test_a_bare_spec_gets_volumes_and_gateway() -> None:
    made = pod(with_gateway(with_volumes(BASE, "the-key"), 8083, 8081))
    assert [volume["name"] for volume in made["volumes"]] == ["statement-plan-volume", "statement-encryption-volume"]
    assert made["volumes"][1]["secret"] == {"secretName": "the-key", "optional": True}
    main, gateway = made["containers"]
    assert {mount["mountPath"] for mount in main["volumeMounts"]} == {
        "/opt/flink/statement",
        "/opt/flink/statement-secret",
    }
    assert (gateway["name"], gateway["image"]) == ("sql-gateway", "flink:1.19")
    assert {"-Drest.port=8081", "-Dsql-gateway.endpoint.rest.bind-address=0.0.0.0"} <= set(gateway["args"])
    assert gateway["ports"] == [{"name": "sql-gateway", "containerPort": 8083}]
    assert gateway["startupProbe"]["tcpSocket"] == {"port": 8083}


@pytest.mark.rule("E18", "P10", "P11")
def test_what_users_put_there_stays_after_the_operator_has_merged() -> None:
    common = template(
        [{"name": "flink-main-container", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}, {"name": "logs"}],
        [{"name": "data", "emptyDir": {}}, {"name": "more", "emptyDir": {}}],
    )
    own = template([{"name": "flink-main-container", "env": [{"name": "A", "value": "b"}]}], [])
    spec = {**BASE, "podTemplate": common, "jobManager": {"replicas": 1, "podTemplate": own}}
    made = with_gateway(with_volumes(spec, "the-key"), 8083, 8081)
    merged = operator_merge(made["podTemplate"], made["jobManager"]["podTemplate"])["spec"]
    assert made["jobManager"]["replicas"] == 1
    assert [container["name"] for container in merged["containers"]] == ["flink-main-container", "logs", "sql-gateway"]
    main = merged["containers"][0]
    assert main["env"] == [{"name": "A", "value": "b"}]
    assert main["volumeMounts"][0] == {"name": "data", "mountPath": "/data"}
    names = ["data", "statement-plan-volume", "statement-encryption-volume"]
    assert [mount["name"] for mount in main["volumeMounts"]] == names
    assert [volume["name"] for volume in merged["volumes"]] == ["data", "more", *names[1:]]
    assert merged["volumes"][0] == {"name": "data", "emptyDir": {}}


@pytest.mark.parametrize(
    ("spec", "port", "expected"),
    [
        (BASE, 8083, True),
        (BASE, 0, False),
        ({**BASE, "flinkVersion": "v1_16"}, 8083, False),
        ({**BASE, "flinkVersion": "v2_0"}, 8083, True),
        ({"flinkVersion": "v1_19"}, 8083, False),
    ],
)
def test_a_gateway_is_where_flink_has_one(spec: dict[str, Any], port: int, expected: bool) -> None:
    assert ("jobManager" in with_gateway(spec, port, 8081)) is expected
    assert has_gateway(spec) is (expected or port == 0)


@pytest.mark.parametrize("part", ["text", 1, ["x"], {"spec": ["x"]}, {"spec": {"containers": "x", "volumes": [1]}}])
def test_what_makes_no_sense_is_left_to_the_cluster_to_refuse(part: Any) -> None:
    with_gateway(with_volumes({**BASE, "podTemplate": part, "jobManager": {"podTemplate": part}}, "key"), 8083, 8081)
