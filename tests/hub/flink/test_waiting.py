"""What waits and why, and what environments lack, followed in namespaces that no operator watches."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cmf_hub.clock import SystemClock
from cmf_hub.clusters.connection import Connection
from cmf_hub.flink.diagnosis import Diagnosis
from cmf_hub.settings import Settings
from cmf_localfleet import LocalCluster
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api, V1ObjectMeta, V1ServiceAccount

from tests.hub.flink.harness import Flink, Kubectl, flink
from tests.hub.flink.samples import application, environment
from tests.support.wait import eventually


@pytest.fixture
async def impatient(tmp_path: Path, cluster: LocalCluster, namespace: str) -> AsyncIterator[Flink]:
    """The flink layer with an operator's silence noticed soon."""
    settings = Settings(flink_operator_patience_seconds=0.2)
    async with flink(tmp_path / "cmf.db", cluster.kubeconfig, namespace, settings) as layer:
        await layer.put(environment(kubernetesNamespace=namespace))
        yield layer


@pytest.mark.rule("E12", "E13")
async def test_the_silence_of_an_operator_is_told_until_it_speaks(impatient: Flink, kubectl: Kubectl) -> None:
    app = application()
    await impatient.write(app)
    watched = f"its watchNamespaces have '{impatient.namespace}'"
    await eventually(lambda: watched in impatient.status(app.key).get("message", ""), "the silence to be told")
    assert impatient.status(app.key)["lifecycleState"] == "CREATED"
    await kubectl.set_status(app.name, lifecycleState="DEPLOYED", jobManagerDeploymentStatus="DEPLOYING")
    await eventually(lambda: "message" not in impatient.status(app.key), "the message to go")


async def test_a_patient_hub_says_nothing_yet(bare: Flink) -> None:
    app = application()
    await bare.write(app)
    await eventually(lambda: app.key in bare.reconciler.recorder.waiting("spoke-1"), "it to be seen waiting")
    assert "message" not in bare.status(app.key)


async def test_many_that_wait_are_looked_into_in_turn_a_few_at_a_time(
    bare: Flink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmf_hub.flink.diagnosis.LOOKS", 2)
    await bare.watches.stop()  # its own checks would look too
    apps = [application(f"app-{number}") for number in range(5)]
    recorder = bare.reconciler.recorder
    for app in apps:
        await bare.write(app)
        await recorder.seen(app.key, app.uid, await bare.found(app.name))
    looks = 0

    def connect(cluster: str) -> Connection:
        nonlocal looks
        looks += 1
        return bare.connect(cluster)

    class Later(SystemClock):
        """Each look at it is an hour after the one before, so that patience is at an end."""

        def monotonic(self) -> float:
            return next(hours)

    hours = itertools.count(3600.0, 3600.0)
    diagnosis = Diagnosis(bare.store, recorder, connect, Settings(), Later())
    told = []
    for _ in range(4):
        await diagnosis.check("spoke-1")
        told.append((looks, sum("message" in bare.status(app.key) for app in apps)))
    assert told == [(0, 0), (2, 2), (4, 4), (6, 5)]


async def test_what_was_deleted_while_it_waited_is_forgotten(bare: Flink) -> None:
    app = application()
    await bare.write(app)
    recorder = bare.reconciler.recorder
    await eventually(lambda: app.key in recorder.waiting("spoke-1"), "it to be seen waiting")
    await bare.change(app.key, deleting=True)
    await bare.gone(app.key)
    await eventually(lambda: app.key not in recorder.waiting("spoke-1"), "it to be forgotten")


@pytest.mark.rule("E59")
async def test_a_quota_that_leaves_no_pod_is_told_by_the_cluster_s_warning(
    bare: Flink, kubectl: Kubectl, cluster: LocalCluster
) -> None:
    app = application()
    await bare.write(app)
    await kubectl.set_status(app.name, lifecycleState="DEPLOYED", jobManagerDeploymentStatus="DEPLOYING")
    event = {
        "metadata": {"name": "quota"},
        "involvedObject": {"kind": "Deployment", "name": app.name, "namespace": bare.namespace},
        "type": "Warning",
        "reason": "FailedCreate",
        "message": "exceeded quota: compute",
    }
    with connect(cluster.kubeconfig) as client:
        core: Any = CoreV1Api(client)
        core.create_namespaced_event(bare.namespace, event)
    told = "FailedCreate: exceeded quota: compute"
    await eventually(lambda: bare.status(app.key).get("message") == told, "the warning to be told")
    await kubectl.set_status(app.name, jobManagerDeploymentStatus="READY", jobStatus={"state": "RUNNING"})
    await eventually(lambda: "message" not in bare.status(app.key), "the message to go")
    assert bare.reconciler.recorder.waiting("spoke-1") == {}


@pytest.mark.rule("E43", "E60")
async def test_environments_are_looked_at_when_their_cluster_connects_and_until_nothing_is_missing(
    bare: Flink, cluster: LocalCluster
) -> None:
    key = environment().key
    bare.watches.follow("spoke-1")
    await eventually(lambda: "service account 'flink'" in str(bare.status(key).get("advice")), "the advice to come")
    with connect(cluster.kubeconfig) as client:
        account = V1ServiceAccount(metadata=V1ObjectMeta(name="flink"))
        CoreV1Api(client).create_namespaced_service_account(bare.namespace, account)
    await eventually(lambda: not bare.record(key).status, "the advice to go")
    await bare.put(environment(kubernetesNamespace="never-made"))
    bare.watches.follow("spoke-1")
    await eventually(
        lambda: "'never-made' is gone" in str(bare.status(key).get("advice")), "the namespace to be missed"
    )
