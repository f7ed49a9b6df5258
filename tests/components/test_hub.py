"""Hub: what it is on a cluster, whosever it is."""

from typing import Any

import pytest
import yaml
from pulumi_cmf_components import Hub
from pulumi_cmf_components.hub import SERVICE

from tests.components.mocked import made_by

CHART: Any = {"chart": "confluent-manager-for-apache-flink", "repository": "https://charts.example.com"}
OAUTH: Any = {"jwks_url": "https://id.example.com/certs", "issuer": "https://id.example.com", "audience": "cmf"}
ROLES: Any = [
    {"principal": "Group:payments", "role": "DeveloperManage", "environment": "payments",
     "resources": [{"type": "FlinkApplication", "name": "orders-", "prefixed": True}]}
]  # fmt: skip


def test_the_open_hub_is_one_pod_that_cannot_change_its_image() -> None:
    made = made_by(lambda: Hub("hub", image="hub:1", environments=["flink"], encryption_key="a2V5", allow_from=[]))
    pod = made["StatefulSet", "hub"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    variables = {one["name"]: one["value"] for one in container["env"]}
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    assert variables["CMF_K8S_KUBECONFIG_DIRECTORY"] in mounts
    assert variables["CMF_ENCRYPTION_KEY_FILE"] == "/etc/cmf/encryption/key"
    assert variables["CMF_DATABASE"] == "/var/lib/cmf/hub.db"
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http", "scheme": "HTTP"}
    assert made["Service", "hub"]["metadata"]["name"] == SERVICE
    assert made["NetworkPolicy", "hub"]["spec"]["ingress"] == [{"from": [], "ports": [{"port": 8080}]}]
    assert made["Role", "hub-flink"]["metadata"] == {"name": "hub", "namespace": "flink"}


def test_one_argument_makes_it_confluents_and_leaves_the_rest() -> None:
    common: dict[str, Any] = {"environments": ["flink"], "encryption_key": "a2V5", "disruption_budget": True}
    ours = made_by(lambda: Hub("hub", image="hub:1", **common))
    theirs = made_by(lambda: Hub("hub", distribution="confluent", chart=CHART, **common))
    whose = {("StatefulSet", "hub"), ("Service", "hub")}
    assert set(ours) - set(theirs) == whose
    assert set(theirs) - set(ours) == {("Release", "hub")}
    values = theirs["Release", "hub"]["values"]
    assert values["cmf"]["k8s"]["kubeconfigDirectory"] == "/etc/cmf/kubeconfig"
    (volume,) = values["mountedVolumes"]["volumes"]
    assert volume == {"name": "kubeconfigs", "secret": {"secretName": "hub-kubeconfigs"}}
    assert values["encryption"]["key"] == {
        "kubernetesSecretName": "hub-encryption",
        "kubernetesSecretProperty": "key",
    }
    assert values["persistence"] == {"create": True, "dataVolumeCapacity": "10Gi"}


def test_an_external_database_is_confluents_alone() -> None:
    database = {"type": "jdbc", "url": "jdbc:postgresql://db/cmf"}
    made = made_by(lambda: Hub("hub", distribution="confluent", chart=CHART, database=database))
    values = made["Release", "hub"]["values"]
    assert (values["cmf"]["database"], values["persistence"]["create"]) == (database, False)
    with pytest.raises(ValueError, match="`database` are Confluent's"):
        made_by(lambda: Hub("hub", image="hub:1", database=database))


def test_with_postgresql_it_has_no_volume_and_its_address_is_a_secret() -> None:
    made = made_by(lambda: Hub("hub", image="hub:1", database_url="postgresql://cmf:hidden@db/cmf"))
    assert ("StatefulSet", "hub") not in made
    spec = made["Deployment", "hub"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    pod = spec["template"]["spec"]
    variables = {one["name"]: one for one in pod["containers"][0]["env"]}
    assert "CMF_DATABASE" not in variables
    chosen = {"name": "hub-database", "key": "url"}
    assert variables["CMF_DATABASE_URL"]["valueFrom"] == {"secretKeyRef": chosen}
    assert [one["name"] for one in pod["containers"][0]["volumeMounts"]] == ["tmp", "kubeconfigs"]
    marked = made["Secret", "hub-database"]["stringData"]  # as the engine shows secrets to mocks
    assert marked["value"] == {"url": "postgresql://cmf:hidden@db/cmf"}
    for refused in ({"storage": {"size": "1Gi"}}, {"distribution": "confluent", "chart": CHART, "image": None}):
        arguments: dict[str, Any] = {"image": "hub:1", "database_url": "postgresql://db/cmf", **refused}
        with pytest.raises(ValueError, match="takes the place of `storage`"):
            made_by(lambda: Hub("hub", **arguments))  # noqa: B023


@pytest.mark.rule("E53")
def test_security_is_one_argument() -> None:
    security: Any = {"certificates": {"secret": "own"}, "oauth": OAUTH, "super_users": ["User:admin"]}
    security["role_bindings"] = ROLES
    made = made_by(lambda: Hub("hub", image="hub:1", security=security))
    pod = made["StatefulSet", "hub"]["spec"]["template"]["spec"]
    variables = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert variables["CMF_SSL_CERTIFICATE"] == "/etc/cmf/tls/tls.crt"
    assert variables["CMF_AUTHENTICATION_TYPE"] == "oauth"
    assert variables["CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_AUDIENCE"] == "cmf"
    assert variables["CMF_SUPER_USERS"] == "User:admin"
    assert {"name": "tls", "secret": {"secretName": "own"}} in pod["volumes"]
    roles = yaml.safe_load(made["ConfigMap", "hub-roles"]["data"]["roles.yaml"])
    assert roles["roleBindings"][0]["resources"] == [
        {"resourceType": "FlinkApplication", "name": "orders-", "patternType": "PREFIXED"}
    ]
    assert pod["containers"][0]["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"
    mtls: Any = {"certificates": {"secret": "own"}, "mtls": True}
    theirs = made_by(lambda: Hub("hub", distribution="confluent", chart=CHART, security=mtls))
    cmf = theirs["Release", "hub"]["values"]["cmf"]
    assert (cmf["ssl"]["client-auth"], cmf["authentication"]) == ("need", {"type": "mtls"})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "the open hub needs `image`"),
        ({"distribution": "confluent"}, "needs `chart`"),
        ({"image": "a", "security": {"certificates": "development", "mtls": True, "oauth": OAUTH}}, "keep one"),
        ({"image": "a", "security": {"certificates": "development", "super_users": ["a"]}}, "add mtls or oauth"),
        (
            {"image": "a", "security": {"certificates": "development", "mtls": True, "role_bindings": ROLES}},
            "unless super_users names somebody",
        ),
        (
            {"distribution": "confluent", "chart": CHART,
             "security": {"certificates": "development", "mtls": True, "super_users": ["User:a"]}},
            "in its metadata service",
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        made_by(lambda: Hub("hub", **arguments))
