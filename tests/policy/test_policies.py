"""Each policy, on resources of both fronts: what passes, what does not, and what a preview cannot know."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from pulumi_cmf_policy.pack import POLICIES
from pulumi_policy.proxy import UnknownValueError

from tests.policy.stacks import FRONTS, UNKNOWN, Resource, said

S3 = {"state.checkpoints.dir": "s3://flink/c", "state.savepoints.dir": "s3://flink/s"}
DURABLE = {"spec": {"flinkConfiguration": S3}}
LOCAL = {"spec": {"flinkConfiguration": {"state.checkpoints.dir": "file:///tmp"}}}
HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://flink/ha"}
CP7 = "confluentinc/cp-flink-sql:1.19-cp7"


def app(name: str = "orders", options: Any = None, **inputs: Any) -> Resource:
    """Return an application in the environment `prod`."""
    spec = {
        "image": "registry.example.com/orders:1.4",
        "flinkVersion": "v1_20",
        "flinkConfiguration": S3 if options is None else options,
        "taskManager": {"resource": {"cpu": 2.0, "memory": "4g"}},
        "job": {"jarURI": "local:///orders.jar", "parallelism": 4.0, "upgradeMode": "savepoint"},
        **inputs.pop("spec", {}),
    }
    return Resource("FlinkApplication", name, environment="prod", spec=spec, **inputs)


def pool(options: Any = None, image: str = CP7, **inputs: Any) -> Resource:
    """Return a shared pool in the environment `prod`."""
    spec = {
        "image": image,
        "flinkVersion": "v1_19",
        "flinkConfiguration": {**S3, **HA} if options is None else options,
        **inputs.pop("spec", {}),
    }
    return Resource("ComputePool", "sql", environment="prod", cluster_spec=spec, **{"type": "SHARED", **inputs})


def environment(**inputs: Any) -> Resource:
    """Return the environment `prod`."""
    return Resource("Environment", "prod", **inputs)


def cluster(**inputs: Any) -> Resource:
    """Return the cluster `spoke`."""
    return Resource("KubernetesCluster", "spoke", **inputs)


def statement(**inputs: Any) -> Resource:
    """Return a statement on the pool."""
    given = {"environment": "prod", "compute_pool_name": "sql", "parallelism": 4.0, **inputs}
    return Resource("Statement", "select", **given)


@dataclass(frozen=True)
class Case:
    """What a policy lets pass, what it reports and how, and what it cannot decide."""

    policy: str
    good: tuple[Resource, ...]
    bad: tuple[Resource, ...]
    message: str
    unknown: tuple[Resource, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    stack: str = "dev"


HOST_PATH = {
    "podTemplate": {
        "spec": {
            "containers": [
                {"name": "flink-main-container", "volumeMounts": [{"name": "state", "mountPath": "/state"}]}
            ],
            "volumes": [{"name": "state", "hostPath": {"path": "/var/state"}}],
        }
    }
}
SIDECAR = {"taskManager": {"podTemplate": {"spec": {"initContainers": [{"name": "wait", "image": "busybox"}]}}}}
SPOKE = {"kubernetes_cluster_name": "spoke"}
EU = {"environments": {"prod*": "eu"}}
FEW = {"limits": {"prod*": {"taskManagers": 4.0}}}
SMALL = {"limits": {"staging": {"memory": "1Gi"}, "*": {"memory": "16Gi"}}}
SUSPENDED = app("off", spec={"job": {"parallelism": 9.0, "state": "suspended"}})
STANDALONE = {"mode": "standalone", "taskManager": {"replicas": 5.0}}
CASES = [
    Case("durable-state", (app(),), (app(options={}),), r"no state.checkpoints.dir.*not in this stack.*\[E34\]",
         (app(options={"state.checkpoints.dir": UNKNOWN}),)),
    Case("durable-state", (app(options={}), environment(flink_application_defaults=DURABLE)),
         (app(), environment(flink_application_defaults=LOCAL)),
         r"pod's own file system.*\[E34\]$", (app(), environment(flink_application_defaults=UNKNOWN))),
    Case("durable-state", (app(), environment(flink_application_defaults={"spec": {"job": {"state": "running"}}})),
         (app(options={}), environment()), r"use an object store \[E34\]$",
         (app(options=UNKNOWN), environment(flink_application_defaults={"spec": {"flinkConfiguration": {"a": "b"}}}))),
    Case("durable-state", (app(spec=HOST_PATH),), (app(options={"state.checkpoints.dir": "/state/c"}, spec=HOST_PATH),),
         r"hostPath volume 'state'.*\[E35\]", (app(spec={"podTemplate": UNKNOWN}, options={
             "state.checkpoints.dir": "/state/c"}),)),
    Case("durable-state", (pool(),), (pool(options={}),), r"ComputePool 'sql': spec.clusterSpec has no", (
        pool(options=UNKNOWN),)),
    Case("shared-pool-high-availability", (pool(), pool(type="DEDICATED", options={}), app()), (pool(options=S3),),
         r"lose their state.*\[P59\]", (pool(type=UNKNOWN),)),
    Case("shared-pool-high-availability", (app(options=HA),), (app(options={"high-availability.type": "kubernetes"}),),
         r"needs high-availability.storageDir.*\[E32\]", (app(options={"high-availability.type": UNKNOWN}),)),
    Case("upgrade-directories", (app(),), (app(options={"state.checkpoints.dir": "s3://c"}),),
         r"upgradeMode savepoint needs state.savepoints.dir", (app(options=UNKNOWN),)),
    Case("upgrade-directories", (pool(options={}),), (app(options={**S3, "state.savepoints.dir": ""}),),
         r"which is empty", (app(spec={"job": UNKNOWN}),)),
    Case("sql-image", (pool(), app()), (pool(image="flink:1.19"),), r"cp-flink-sql to run SQL.*\[P12\]",
         (pool(image=UNKNOWN),)),
    Case("sql-image", (pool(type="DEDICATED", image="x/cp-flink-sql:1.19-cp6"),),
         (pool(image="x/cp-flink-sql:1.19-cp6"),), r"cp7 build.*\[P13\]", (pool(type=UNKNOWN),)),
    Case("allowed-images", (app(), environment(), cluster()), (pool(),), r"cp7' is not one of registry.example.com/\*",
         (app(spec={"image": UNKNOWN}),), {"allowed": ["registry.example.com/*"]}),
    Case("allowed-images", (environment(flink_application_defaults={"spec": {}}),),
         (environment(compute_pool_defaults={"spec": {"clusterSpec": {"image": "flink"}}}),),
         r"compute_pool_defaults.spec.clusterSpec.image 'flink'", (environment(flink_application_defaults=UNKNOWN),),
         {"allowed": ["registry.example.com/*"]}),
    Case("allowed-images", (app(spec=HOST_PATH),), (app(spec=SIDECAR),),
         r"orders': spec.taskManager.podTemplate.spec.initContainers.image 'busybox' is not one of",
         (app(spec={"podTemplate": UNKNOWN}),), {"allowed": ["registry.example.com/*"]}),
    Case("cores-for-slots", (app(options={"taskmanager.numberOfTaskSlots": 2.0}),),
         (app(options={"taskmanager.numberOfTaskSlots": 4.0}),), r"4 busy slots.*\[E48\]",
         (app(options={"taskmanager.numberOfTaskSlots": UNKNOWN}),)),
    Case("environment-limits", (app(), SUSPENDED), (app(), app("more")),
         r"^Environment 'prod' asks for 8 task managers, over the limit of 4", (app(spec={"job": UNKNOWN}),), FEW),
    Case("environment-limits", (app(), pool(state="SUSPENDED")),
         (app(spec={"taskManager": {"resource": {"memory": "5g"}}}),),
         r"asks for 20.0 GiB of memory for task managers, over the limit of 16Gi",
         (app(spec={"taskManager": UNKNOWN}),), SMALL),
    Case("environment-limits", (pool(), statement()), (pool(), statement(parallelism=5.0), statement(stopped=True)),
         r"asks for 5 task managers", (pool(), statement(parallelism=UNKNOWN)), FEW),
    Case("environment-limits", (pool(spec={"taskManager": {"replicas": 9.0}}),), (pool(), statement(parallelism=9.0)),
         r"asks for 9 task managers", (statement(stopped=UNKNOWN),), FEW),
    Case("environment-limits", (pool(state="SUSPENDED", spec=STANDALONE),), (pool(spec=STANDALONE),),
         r"asks for 5 task managers", (pool(state=UNKNOWN),), FEW),
    Case("environment-limits", (app(options={"slotmanager.number-of-slots.max": 4.0}),),
         (app(options={"slotmanager.number-of-slots.max": 3.0}),), r"the job waits for ever.*\[E49\]",
         (app(options={"slotmanager.number-of-slots.max": UNKNOWN}),)),
    Case("protected-stacks", (app(), app(force_delete=False)), (app(force_delete=True),),
         r"protected stack 'prod-eu' has force_delete", (app(force_delete=UNKNOWN),), {}, "prod-eu"),
    Case("protected-stacks", (cluster(lifecycle_state="ACTIVE"),), (cluster(lifecycle_state="DECOMMISSIONED"),),
         r"is to be DECOMMISSIONED", (cluster(lifecycle_state=UNKNOWN),), {"stacks": ["live"]}, "live"),
    Case("deletion-protection", (cluster(protect=True), app()), (cluster(),),
         r"protected stack 'prod-eu' lacks Pulumi's option protect", (), {}, "prod-eu"),
    Case("environment-region", (environment(**SPOKE), cluster(labels={"region": "eu"})),
         (environment(**SPOKE), cluster(labels={"region": "us"})), r"belongs in eu, and its cluster 'spoke' is in us",
         (environment(**SPOKE), cluster(labels={"region": UNKNOWN})), EU),
    Case("environment-region", (environment(),), (environment(**SPOKE), cluster()),
         r"nobody says in which region cluster 'spoke' is: give it the label 'region'",
         (environment(kubernetes_cluster_name=UNKNOWN),), {**EU, "clusters": {"default-k8s-cluster": "eu"}}),
    Case("environment-region", (), (environment(),), r"cluster 'default-k8s-cluster' is: name it in", (
        environment(kubernetes_cluster_name=UNKNOWN),), EU),
    Case("environment-region", (app(),), (environment(),), r"fits no pattern", (Resource("Environment", UNKNOWN),),
         {"environments": {"staging": "eu"}}),
    Case("required-labels", (environment(labels={"team": "a", "cost": UNKNOWN}), Resource("Secret", "x")),
         (environment(labels={"team": "a"}),), r"^Environment 'prod' lacks the labels cost: set them$",
         (environment(labels=UNKNOWN),), {"labels": ["team", "cost"]}),
    Case("supported-flink-version", (app(), pool(), app(spec={"flinkVersion": "v1_15"})),
         (app(spec={"flinkVersion": "v1_9"}),), r"v1_9 is older than v1_15", (app(spec={"flinkVersion": UNKNOWN}),)),
    Case("deprecated-flink-version", (app(), app(spec={"flinkVersion": "v2_0"})),
         (app(spec={"flinkVersion": "v1_18"}),), r"v1_18 is deprecated", (app(spec={"flinkVersion": UNKNOWN}),)),
]  # fmt: skip
_IDS = [f"{case.policy}-{number}" for number, case in enumerate(CASES)]


@pytest.mark.rule("E32", "E33", "E34", "E35", "E48", "E49", "P12", "P13", "P59")
@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("case", CASES, ids=_IDS)
def test_a_policy_lets_pass_reports_or_cannot_decide(case: Case, front: str) -> None:
    def found(*resources: Resource) -> list[str]:
        return said(case.policy, front, *resources, config=case.config, stack=case.stack)

    assert found(*case.good) == []
    messages = found(*case.bad)
    assert len(messages) == 1
    assert re.search(case.message, messages[0])
    if case.unknown:  # whether Pulumi protects a resource is always known
        with pytest.raises(UnknownValueError):
            found(*case.unknown)


def test_every_policy_has_a_case_and_says_what_it_is() -> None:
    names = [policy.name for policy in POLICIES]
    assert len(set(names)) == len(names)
    assert {case.policy for case in CASES} | {"default-labels"} == set(names)


@pytest.mark.parametrize("name", ["durable-state", "environment-limits"])
def test_what_is_unknown_of_one_resource_hides_nothing_of_the_others(name: str) -> None:
    messages: list[str] = []
    stack = (app("unknown", options=UNKNOWN), app("known", options={"slotmanager.number-of-slots.max": 1.0}))
    with pytest.raises(UnknownValueError):
        said(name, "dynamic", *stack, into=messages)
    assert any("'known'" in message for message in messages)


def test_resources_of_others_are_none_of_ours() -> None:
    other = Resource("aws:s3/bucket:Bucket", "x", force_delete=True)
    for policy in POLICIES:
        assert said(policy.name, "plugin", other, config={"labels": ["a"], "allowed": ["b"]}, stack="prod") == []
