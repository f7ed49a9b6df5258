"""Environments, applications, pools and statements, from create to delete, on a real hub."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cmf_core.client import AsyncClient
from cmf_core.errors import CmfError, Conflict, HubUnreachable, Unprocessable
from pulumi_cmf.lifecycle.compute_pool import ComputePoolKind
from pulumi_cmf.lifecycle.environment import EnvironmentKind
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.flink_application import FlinkApplicationKind
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.operations import Created, NotReady, Refused
from pulumi_cmf.lifecycle.statement import StatementKind
from pulumi_cmf.lifecycle.unknowns import UNKNOWN
from pulumi_cmf.lifecycle.waiting import WaitFailed

from tests.provider.operations import Told, create, delete, refresh, update
from tests.support import hub as samples
from tests.support.hub import Hub, Spoke, lookup, unique
from tests.support.wait import wait_for

ENVIRONMENT, APPLICATION, POOL, STATEMENT = (
    EnvironmentKind(),
    FlinkApplicationKind(),
    ComputePoolKind(),
    StatementKind(),
)
SPEC = samples.application("x")["spec"]
CLUSTER_SPEC = samples.pool("x")["spec"]["clusterSpec"]
SQL = "INSERT INTO a SELECT * FROM b"


def configured(**configuration: str) -> dict[str, Any]:
    """Return an application's spec with Flink configuration; `__` stands for a dot."""
    own = {key.replace("__", ".").replace("_", "-"): value for key, value in configuration.items()}
    return {**SPEC, "flinkConfiguration": {**SPEC["flinkConfiguration"], **own}}


@asynccontextmanager
async def existing(kind: Kind[Any], hub: LifecycleHub, **inputs: Any) -> AsyncIterator[Created]:
    """Create a resource, and delete it afterwards if it is still there."""
    made = await create(kind, hub, **inputs)
    yield made
    await delete(kind, hub, made)


class LosesAnswers(httpx.AsyncBaseTransport):
    """Delivers requests, and loses the answers to those of one method, as a network does."""

    def __init__(self, method: str) -> None:
        self.inner = httpx.AsyncHTTPTransport()
        self.method = method

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        if request.method == self.method:
            await answer.aread()
            raise httpx.ReadError("connection reset", request=request)
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


class LosesRequests(LosesAnswers):
    """Loses the first requests of a method, as a hub does that ends while they come."""

    def __init__(self, method: str, times: int) -> None:
        super().__init__(method)
        self.times = times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == self.method and self.times:
            self.times -= 1
            raise httpx.ReadError("connection reset", request=request)
        return await self.inner.handle_async_request(request)


@asynccontextmanager
async def behind(network: httpx.AsyncBaseTransport, hub: LifecycleHub) -> AsyncIterator[LifecycleHub]:
    """Return the hub behind a network."""
    async with AsyncClient(hub.client.settings, network) as client:
        yield replace(hub, client=client)


@pytest.mark.rule("E02", "E03")
async def test_an_environment_is_created_updated_cleared_and_deleted(hub: LifecycleHub, cmf: Hub) -> None:
    name, defaults = unique("env"), {"spec": {"flink_configuration": {"a.b": 1}}}
    given = {"name": name, "kubernetes_namespace": "flink", "labels": {"team": "a"}}
    async with existing(ENVIRONMENT, hub, **given, flink_application_defaults=defaults) as made:
        answer = cmf.get(f"/environments/{name}").json()
        assert answer["kubernetesClusterName"] == "default-k8s-cluster"
        assert answer["flinkApplicationDefaults"] == {"spec": {"flinkConfiguration": {"a.b": "1"}}}
        assert made.state["created_time"] == answer["created_time"]
        assert (await refresh(ENVIRONMENT, hub, made)).inputs == ENVIRONMENT.inputs_in(made.state)
        await update(ENVIRONMENT, hub, made, flink_application_defaults=None, labels={"team": "b"})
        answer = cmf.get(f"/environments/{name}").json()
        assert not answer.get("flinkApplicationDefaults")
        assert answer["metadata"]["labels"] == {"team": "b"}
    assert await ENVIRONMENT.read(hub, name, made.state) is None
    await delete(ENVIRONMENT, hub, made)


@pytest.mark.rule("C52")
async def test_an_environment_that_is_not_empty_stays_by_force_too(hub: LifecycleHub, environment: str) -> None:
    pool = {"environment": environment, "name": "pool", "type": "DEDICATED", "cluster_spec": CLUSTER_SPEC}
    async with existing(POOL, hub, **pool):
        with pytest.raises(Conflict, match="is not empty \\(1 compute pools\\): delete its resources first"):
            await delete(ENVIRONMENT, hub, Created(environment, {"name": environment}), force_delete=True)


async def test_an_application_is_stable_before_create_ends(hub: LifecycleHub, cmf: Hub, environment: str) -> None:
    name, told = unique("app"), Told()
    made = await create(APPLICATION, hub, told, environment=environment, name=name, spec=SPEC)
    path = f"/environments/{environment}/applications/{name}"
    assert lookup(cmf.get(path).json(), "status.lifecycleState") == "STABLE"
    assert (made.id, made.state["lifecycle_state"], made.state["job_state"]) == (
        f"{environment}/{name}",
        "STABLE",
        "RUNNING",
    )
    assert any("waiting until it is STABLE: " in line for line in told.progress)
    assert (await refresh(APPLICATION, hub, made)).inputs == APPLICATION.inputs_in(made.state)
    await delete(APPLICATION, hub, made)
    assert cmf.get(path).status_code == 404


async def test_an_update_waits_for_the_new_specification(
    hub: LifecycleHub, fleet: dict[str, Spoke], environment: str
) -> None:
    name = unique("app")
    async with existing(APPLICATION, hub, environment=environment, name=name, spec=SPEC) as made:
        told = Told()
        await update(
            APPLICATION, hub, made, told, spec=configured(taskmanager__numberOfTaskSlots="4", standin__delay="2")
        )
        assert any("has not taken up the new specification (lifecycle state STABLE" in line for line in told.progress)
        status = fleet["home"].deployments()[name]["status"]
        reconciled = json.loads(status["reconciliationStatus"]["lastReconciledSpec"])["spec"]
        assert reconciled["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] == "4"
        assert status["jobStatus"]["state"] == "RUNNING"


async def test_an_application_is_suspended_and_resumed(hub: LifecycleHub, environment: str) -> None:
    name = unique("app")
    async with existing(APPLICATION, hub, environment=environment, name=name, spec=SPEC) as made:
        suspended = {**SPEC, "job": {**SPEC["job"], "state": "suspended"}}
        state = await update(APPLICATION, hub, made, spec=suspended)
        assert state["lifecycle_state"] == "SUSPENDED"
        state = await update(APPLICATION, hub, Created(made.id, state), spec=SPEC)
        assert (state["lifecycle_state"], state["job_state"]) == ("STABLE", "RUNNING")


async def test_a_suspension_behind_our_back_is_drift(hub: LifecycleHub, cmf: Hub, environment: str) -> None:
    name, spec = (
        unique("app"),
        {**SPEC, "job": {key: SPEC["job"][key] for key in ("jarURI", "parallelism", "upgradeMode")}},
    )
    async with existing(APPLICATION, hub, environment=environment, name=name, spec=spec) as made:
        assert cmf.post(f"/environments/{environment}/applications/{name}/suspend").status_code == 200
        found = await refresh(APPLICATION, hub, made)
        assert found.inputs["spec"]["job"]["state"] == "suspended"
        assert APPLICATION.diff(found.state, made.state).changed == {"spec"}


async def test_an_application_that_fails_is_told_and_kept(hub: LifecycleHub, cmf: Hub, environment: str) -> None:
    name = unique("app")
    with pytest.raises(NotReady, match="will not be STABLE: lifecycle state FAILED, job FAILED") as failed:
        await create(APPLICATION, hub, environment=environment, name=name, spec=configured(standin__fail_job="true"))
    made = Created(failed.value.id, failed.value.state)
    assert made.state["lifecycle_state"] == "FAILED"
    healed = await update(APPLICATION, hub, made, spec=configured(taskmanager__numberOfTaskSlots="4"))
    assert healed["lifecycle_state"] == "STABLE"
    await delete(APPLICATION, hub, made)


async def test_what_the_operator_refuses_is_told_with_its_words(hub: LifecycleHub, environment: str) -> None:
    name = unique("app")
    spec = {**SPEC, "jobManager": {"resource": {"memory": "1024m", "cpu": 1}, "replicas": 2}}
    with pytest.raises(NotReady, match=r"was not STABLE within 3 s: .*High availability should be enabled") as failed:
        await create(APPLICATION, hub, environment=environment, name=name, spec=spec, timeouts={"create": 3})
    await delete(APPLICATION, hub, Created(failed.value.id, failed.value.state))


@pytest.mark.parametrize("goal", ["running", "accepted"])
async def test_a_shorter_wait_can_be_chosen(hub: LifecycleHub, environment: str, goal: str) -> None:
    name = unique("app")
    async with existing(APPLICATION, hub, environment=environment, name=name, spec=SPEC, wait_for=goal) as made:
        assert made.state.get("job_state") == ("RUNNING" if goal == "running" else None)


@pytest.mark.rule("FKO3")
async def test_what_cmf_refuses_is_not_created(hub: LifecycleHub, cmf: Hub, environment: str) -> None:
    name, spec = unique("app"), {**SPEC, "flinkConfiguration": {"kubernetes.cluster-id": "x"}}
    with pytest.raises(Unprocessable, match=r"kubernetes\.cluster-id is the operator's to set"):
        await create(APPLICATION, hub, environment=environment, name=name, spec=spec)
    assert cmf.get(f"/environments/{environment}/applications/{name}").status_code == 404


@pytest.mark.rule("P18", "P19", "P42", "P44")
async def test_a_shared_pool_runs_suspends_and_resumes(
    hub: LifecycleHub, fleet: dict[str, Spoke], environment: str
) -> None:
    name = unique("pool")
    given = {"environment": environment, "name": name, "type": "SHARED", "cluster_spec": CLUSTER_SPEC}
    async with existing(POOL, hub, **given, state="SUSPENDED") as made:
        assert made.state["phase"] == "SUSPENDED"
        state = await update(POOL, hub, made, state="RUNNING")
        assert state["phase"] == "RUNNING"
        assert name in fleet["home"].deployments()
        state = await update(POOL, hub, Created(made.id, state), state="SUSPENDED")
        assert state["phase"] == "SUSPENDED"
        assert name not in fleet["home"].deployments()


async def test_a_pool_that_fails_is_told(hub: LifecycleHub, environment: str) -> None:
    spec = {**CLUSTER_SPEC, "flinkConfiguration": {"standin.crash-jobmanager": "true"}}
    given: dict[str, Any] = {"environment": environment, "name": unique("pool"), "type": "SHARED", "cluster_spec": spec}
    with pytest.raises(NotReady, match="was not RUNNING within 3 s: phase FAILING: back-off") as failed:
        await create(POOL, hub, **given, timeouts={"create": 3})
    made = Created(failed.value.id, failed.value.state)
    good = {**CLUSTER_SPEC, "taskManager": {"resource": {"memory": "2048m", "cpu": 1}}}
    healed = await update(POOL, hub, made, cluster_spec=good, timeouts={"update": 30})
    assert healed["phase"] == "RUNNING"
    await delete(POOL, hub, made)


@pytest.mark.rule("P12", "E34")
async def test_what_is_probably_a_mistake_is_told_beforehand(hub: LifecycleHub, environment: str) -> None:
    given = {"environment": environment, "name": "pool", "type": "DEDICATED"}
    spec = {**CLUSTER_SPEC, "image": "flink:1.20", "flinkConfiguration": {"state.checkpoints.dir": "file:///tmp"}}
    told = await POOL.advise(Facts(hub), {}, {**given, "cluster_spec": spec})
    assert [each.rule for each in told] == ["P12", "E34"]
    assert "image 'flink:1.20' must be based on cp-flink-sql" in told[0].message
    good = {**CLUSTER_SPEC, "flinkConfiguration": {"state.checkpoints.dir": "s3://bucket/checkpoints"}}
    assert await POOL.advise(Facts(hub), {}, {**given, "cluster_spec": good}) == []
    assert await POOL.advise(Facts(hub), {}, {**given, "environment": "not-there-yet", "cluster_spec": spec}) == []
    assert await POOL.advise(Facts(hub), {}, {**given, "cluster_spec": UNKNOWN}) == []


@pytest.mark.rule("FKO3")
async def test_what_no_operator_takes_is_told_beforehand(hub: LifecycleHub, environment: str) -> None:
    given = {"environment": environment, "name": "pool", "type": "DEDICATED"}
    spec = {**CLUSTER_SPEC, "flinkConfiguration": {"kubernetes.namespace": "elsewhere"}}
    verdict = await POOL.foretell_create(Facts(hub), {**given, "cluster_spec": spec}, None)
    assert verdict is not None
    assert verdict.rule == "FKO3"


@pytest.mark.rule("P38", "P41", "P49")
@pytest.mark.parametrize("pool_type", ["SHARED", "DEDICATED"])
async def test_statements_run_block_their_pool_stop_and_resume(
    hub: LifecycleHub, environment: str, pool_type: str
) -> None:
    pool, name = unique("pool"), unique("sql")
    given = {"environment": environment, "type": pool_type, "cluster_spec": CLUSTER_SPEC}
    durable = {"state.checkpoints.dir": "s3://b/c", "state.savepoints.dir": "s3://b/s"}
    async with existing(POOL, hub, name=pool, **given) as made_pool:
        own = {"environment": environment, "compute_pool_name": pool, "flink_configuration": durable}
        async with existing(STATEMENT, hub, name=name, statement=SQL, **own) as made:
            assert made.state["phase"] == "RUNNING"
            assert (await refresh(STATEMENT, hub, made)).inputs == STATEMENT.inputs_in(made.state)
            changed = {**CLUSTER_SPEC, "taskManager": {"resource": {"memory": "2048m", "cpu": 1}}}
            with pytest.raises(Conflict, match=f"cannot be updated: statements {name} \\(RUNNING\\)"):
                await update(POOL, hub, made_pool, cluster_spec=changed)
            with pytest.raises(Conflict, match=f"is in use: statements {name} \\(RUNNING\\)"):
                await delete(POOL, hub, made_pool, force_delete=True)
            state = await update(STATEMENT, hub, made, stopped=True)
            assert state["phase"] == "STOPPED"
            if pool_type == "DEDICATED":
                await update(POOL, hub, made_pool, cluster_spec=changed)
            state = await update(STATEMENT, hub, Created(made.id, state), stopped=False, parallelism=2)
            assert state["phase"] == "RUNNING"


async def test_a_statement_that_is_to_complete(hub: LifecycleHub, environment: str) -> None:
    async with existing(POOL, hub, environment=environment, name="pool", type="DEDICATED", cluster_spec=CLUSTER_SPEC):
        own: dict[str, Any] = {
            "environment": environment,
            "compute_pool_name": "pool",
            "statement": SQL,
            "wait_for": "completed",
        }
        ends: dict[str, Any] = {"flink_configuration": {"standin.finish-job": True}}
        async with existing(STATEMENT, hub, name=unique("sql"), **own, **ends) as made:
            assert made.state["phase"] == "COMPLETED"
        fails: dict[str, Any] = {"flink_configuration": {"standin.fail-job": True}}
        with pytest.raises(NotReady, match="will not be COMPLETED: phase FAILED") as failed:
            await create(STATEMENT, hub, name=unique("sql"), **own, **fails)
        await delete(STATEMENT, hub, Created(failed.value.id, failed.value.state))


CASES: dict[str, tuple[Kind[Any], dict[str, Any]]] = {
    "Environment": (ENVIRONMENT, {"kubernetes_namespace": "flink"}),
    "FlinkApplication": (APPLICATION, {"spec": SPEC}),
    "ComputePool": (POOL, {"type": "DEDICATED", "cluster_spec": CLUSTER_SPEC}),
}


def inputs_of(case: str, environment: str) -> dict[str, Any]:
    """Return inputs with a new name."""
    inputs = {"name": unique("made"), **CASES[case][1]}
    return inputs if case == "Environment" else {"environment": environment, **inputs}


@pytest.mark.parametrize("case", CASES)
async def test_a_create_whose_answer_is_lost_is_found_and_not_repeated(
    hub: LifecycleHub, environment: str, case: str
) -> None:
    kind, inputs = CASES[case][0], inputs_of(case, environment)
    async with behind(LosesAnswers("POST"), hub) as lossy:
        made = await create(kind, lossy, **inputs)
    assert (await refresh(kind, hub, made)).inputs == inputs
    again = await create(kind, hub, **inputs)
    assert again.state.get("uid") == made.state.get("uid")
    await delete(kind, hub, made)


@pytest.mark.parametrize("case", CASES)
async def test_a_create_that_a_hub_that_ended_did_not_take_is_sent_again(
    hub: LifecycleHub, environment: str, case: str
) -> None:
    kind, inputs = CASES[case][0], inputs_of(case, environment)
    async with behind(LosesRequests("POST", 1), hub) as restarted:
        made = await create(kind, restarted, **inputs)
    assert (await refresh(kind, hub, made)).inputs == inputs
    await delete(kind, hub, made)
    async with behind(LosesRequests("POST", 2), hub) as broken:
        with pytest.raises(HubUnreachable):
            await create(kind, broken, **inputs)
    assert await kind.read(hub, made.id, made.state) is None


@pytest.mark.parametrize("case", CASES)
async def test_what_somebody_else_made_is_not_taken_over(hub: LifecycleHub, environment: str, case: str) -> None:
    kind, inputs = CASES[case][0], inputs_of(case, environment)
    made = await create(kind, hub, mark="theirs", **inputs)
    with pytest.raises(Refused, match="exists already and was not created by this resource: choose another name"):
        await create(kind, hub, mark="ours", **inputs)
    await delete(kind, hub, made)


@pytest.mark.parametrize("case", CASES)
async def test_an_update_of_what_is_gone_says_what_to_do(hub: LifecycleHub, environment: str, case: str) -> None:
    kind, inputs = CASES[case][0], inputs_of(case, environment)
    made = await create(kind, hub, **inputs)
    await delete(kind, hub, made)
    with pytest.raises(Refused, match="is gone from CMF: run `pulumi refresh`"):
        await update(kind, hub, made)


async def test_a_delete_whose_answer_is_lost_can_be_repeated(hub: LifecycleHub, environment: str) -> None:
    made = await create(POOL, hub, **inputs_of("ComputePool", environment))
    async with behind(LosesAnswers("DELETE"), hub) as lossy:
        with pytest.raises(HubUnreachable):
            await delete(POOL, lossy, made)
    await delete(POOL, hub, made)
    assert await POOL.read(hub, made.id, made.state) is None


async def test_a_deletion_that_hangs_is_told_and_can_be_forced(hub: LifecycleHub, cmf: Hub, environment: str) -> None:
    name = unique("app")
    stuck = configured(standin__stuck_finalizer="true")
    made = await create(APPLICATION, hub, environment=environment, name=name, spec=stuck, timeouts={"delete": 1})
    with pytest.raises(WaitFailed, match=r"was not gone within 1 s: lifecycle state DELETING.*held by finalizer"):
        await delete(APPLICATION, hub, made)
    told = Told()
    await delete(APPLICATION, hub, made, told, force_delete=True)
    (warning,) = told.warnings
    assert "was removed by force, from CMF only" in warning
    assert (
        f"FlinkDeployment '{name}' in namespace 'flink' of Kubernetes cluster 'default-k8s-cluster' may still"
        in warning
    )
    assert cmf.get(f"/environments/{environment}/applications/{name}").status_code == 404


@pytest.mark.rule("C33", "C49", "C50", "C51", "C52")
async def test_on_a_dead_cluster_writes_are_refused_and_deletion_can_be_forced(
    hub: LifecycleHub, cmf: Hub, fleet: dict[str, Spoke]
) -> None:
    spoke = fleet["spoke"].cluster
    cluster = unique("dead")
    cmf.register(cluster, spoke.kubeconfig)
    environment = cmf.environment("flink", cluster).rpartition("/")[2]
    inside: dict[str, Any] = {"environment": environment}
    pool = await create(POOL, hub, **inside, name="pool", type="SHARED", cluster_spec=CLUSTER_SPEC)
    statement = await create(STATEMENT, hub, **inside, name=unique("sql"), statement=SQL, compute_pool_name="pool")
    application = await create(APPLICATION, hub, **inside, name=unique("app"), spec=SPEC)
    home = Created(environment, {"name": environment, "kubernetes_namespace": "flink"})
    everything: list[tuple[Kind[Any], Created]] = [
        (APPLICATION, application),
        (STATEMENT, statement),
        (POOL, pool),
        (ENVIRONMENT, home),
    ]
    spoke.stop()
    try:
        cmf.connected(cluster, "DISCONNECTED")
        with pytest.raises(CmfError, match=f"Kubernetes cluster '{cluster}' is DISCONNECTED"):
            await update(APPLICATION, hub, application, spec=configured(a="b"))
        for kind, made in everything:
            with pytest.raises(CmfError, match=f"Kubernetes cluster '{cluster}' is DISCONNECTED"):
                await delete(kind, hub, made)
            recorded = Created(made.id, await update(kind, hub, made, force_delete=True))
            await delete(kind, hub, recorded)
            assert await kind.read(hub, made.id, made.state) is None
    finally:
        spoke.start()
        (cmf.kubeconfigs / cluster).unlink()


@pytest.mark.rule("FKO16", "FKO28")
async def test_of_two_defects_that_is_foretold_which_cmf_tells(hub: LifecycleHub, environment: str) -> None:
    both = {
        **SPEC,
        "jobManager": {"resource": {"memory": "plenty"}},
        "job": {**SPEC["job"], "savepointRedeployNonce": 7},
    }
    async with existing(APPLICATION, hub, environment=environment, name=unique("app"), spec=SPEC) as made:
        news = {**APPLICATION.inputs_in(made.state), "spec": both}
        foretold = await APPLICATION.foretell_update(Facts(hub), made.state, news)
        with pytest.raises(Unprocessable) as met:
            await update(APPLICATION, hub, made, spec=both)
        assert foretold is not None
        assert str(met.value).startswith(foretold.message)


@pytest.mark.rule("P40", "P47")
async def test_an_update_waits_for_the_statements_that_block_it(hub: LifecycleHub, cmf: Hub, environment: str) -> None:
    inputs = {"environment": environment, "type": "DEDICATED", "cluster_spec": CLUSTER_SPEC, "on_blocked": "wait"}
    made = await create(POOL, hub, name=unique("pool"), **inputs)
    statement = await create(
        STATEMENT, hub, environment=environment, name=unique("statement"), compute_pool_name=made.state["name"],
        statement=SQL,
    )  # fmt: skip
    changed = {**CLUSTER_SPEC, "taskManager": {"resource": {"cpu": 2, "memory": "1024m"}}}
    news = {**POOL.inputs_in(made.state), "cluster_spec": changed}
    assert await POOL.foretell_update(Facts(hub), made.state, news) is None
    with pytest.raises(
        WaitFailed, match=rf"was not free to change within 1 s: .*{statement.state['name']} \(RUNNING\)"
    ):
        await update(POOL, hub, made, cluster_spec=changed, timeouts={"update": 1})

    told = Told()
    waiting = asyncio.create_task(update(POOL, hub, made, told, cluster_spec=changed))
    await asyncio.to_thread(wait_for, lambda: told.progress, "the update to wait")
    await delete(STATEMENT, hub, statement)
    state = await waiting
    assert state["cluster_spec"]["taskManager"]["resource"]["cpu"] == 2
    assert "waiting until it is free to change" in told.progress[0]
    await delete(POOL, hub, made)
