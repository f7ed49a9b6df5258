"""What is remembered of an application, on the recorded lives of real ones."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cmf_hub.clock import SystemClock
from cmf_hub.flink.annotations import INSTANCE as ANNOTATION
from cmf_hub.flink.annotations import annotated, instance_of, unannotated
from cmf_hub.flink.events import EVENT, LONGEST_EXCEPTION, exception_string
from cmf_hub.flink.history import ApplicationHistory
from cmf_hub.flink.instances import INSTANCE
from cmf_hub.flink.placement import Placement
from cmf_hub.flink.recorder import Recorder
from cmf_hub.settings import Settings
from cmf_hub.store import Query, Record, Store, Transaction

from tests.hub.flink.samples import TRACES, application, environment, operator_object, place


class Life:
    """One application and what is remembered of it, in a real store."""

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        self.store = store
        self.history = ApplicationHistory(settings or Settings(), SystemClock())
        self.recorder = Recorder(store, self.history)
        self.record = application()
        self.jobs = 0

    async def begin(self) -> None:
        await self.store.transact(lambda transaction: transaction.put(environment()))
        await self.change(self.record, created=True)

    async def change(self, after: Record, *, created: bool = False) -> None:
        def work(transaction: Transaction) -> Record:
            before = None if created else place(self.record)
            record, _ = self.history.change(transaction, before, place(after))
            return transaction.put(record)

        self.record = await self.store.transact(work)

    async def deploy(self, generation: int, **fields: Any) -> None:
        spec = {**self.record.spec, **fields}
        await self.change(replace(self.record, generation=generation, document={**self.record.document, "spec": spec}))

    async def see(self, row: dict[str, Any], instance: str | None, job_id: str | None, **status: Any) -> None:
        found = operator_object(self.record, row)
        spec = annotated({}, instance)
        found["status"] |= status
        if "reconciliationStatus" in found["status"]:
            reconciled = {"spec": spec, "resource_metadata": {"metadata": {"generation": row.get("reconciled")}}}
            found["status"]["reconciliationStatus"]["lastReconciledSpec"] = json.dumps(reconciled)
        if job_id and found["status"].get("jobStatus"):
            found["status"]["jobStatus"]["jobId"] = job_id
        await self.recorder.seen(self.record.key, self.record.uid, found)
        seen = self.store.get(self.record.key)
        assert seen is not None
        self.record = seen

    def instances(self) -> list[dict[str, Any]]:
        """Return name and job of each instance, the oldest first."""
        rows = self.store.page(Query(INSTANCE, self.record.uid, table="history"))
        return [{"name": row.key.name, **json.loads(row.status or "{}")["jobStatus"]} for row in reversed(rows)]

    def events(self, type_: str) -> list[dict[str, Any]]:
        """Return the statuses of the events of a type, the oldest first."""
        rows = self.store.page(Query(EVENT, self.record.uid, table="history"))
        statuses = [json.loads(row.status or "{}") for row in reversed(rows)]
        return [status for status in statuses if status["type"] == type_]

    def states(self, type_: str) -> list[str]:
        return [status["data"]["newStatus"] for status in self.events(type_)]

    @property
    def current(self) -> str | None:
        return (self.record.status or {}).get("currentDeployedInstanceName")


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    store = await Store.open(tmp_path / "hub.db")
    life = Life(store)
    await life.begin()
    yield life
    await store.close()


async def play(life: Life, trace: str) -> list[str | None]:
    """Let an application go through a trace, each of whose revisions deploys another spec; return its instances."""
    deployed: dict[int, str | None] = {}
    job_ids: dict[int, str] = {}
    for row in TRACES[trace]:
        if row is None:
            break
        if row["revision"] > life.record.generation:
            job = {**life.record.spec["job"], "state": row.get("wanted", "running")}
            await life.deploy(row["revision"], job=job, restartNonce=row["revision"])
        deployed.setdefault(row["generation"], life.record.instance)
        reconciled = row.get("reconciled", row["generation"])
        if row.get("job") == "RECONCILING" and row.get("lifecycleState") == "DEPLOYED":
            job_ids.setdefault(reconciled, f"job-{reconciled}")
        of = job_ids.get(reconciled) or max(job_ids.values(), default="job-0")
        await life.see(row, deployed.get(reconciled, life.record.instance), of)
    return list(dict.fromkeys(deployed.values()))


async def test_a_first_deployment(life: Life) -> None:
    (instance,) = await play(life, "a-app-deploy")
    assert life.instances() == [{"name": instance, "jobId": "job-2", "state": "RUNNING"}]
    assert life.current == instance
    assert life.states("CLUSTER_STATUS") == ["CREATED", "UPGRADING", "DEPLOYED", "STABLE"]
    assert life.states("JOB_STATUS") == ["RECONCILING", "RUNNING"]


async def test_an_upgrade_ends_the_job_of_the_instance_before(life: Life) -> None:
    first, second = await play(life, "b3-upgrade-stateless")
    assert [(each["name"], each["state"]) for each in life.instances()] == [(first, "FINISHED"), (second, "RUNNING")]
    assert life.instances()[0]["jobId"] == "job-0"
    assert life.states("JOB_STATUS") == ["RUNNING", "FINISHED", "RECONCILING", "CREATED", "RUNNING"]


async def test_a_suspended_instance_has_no_job(life: Life) -> None:
    names = await play(life, "b2-suspend-resume-last-state")
    assert [each["name"] for each in life.instances()] == names
    assert [each["state"] for each in life.instances()] == ["FINISHED", "", "RUNNING"]
    assert life.current == names[-1]


@pytest.mark.parametrize("trace", sorted(name for name in TRACES if name[0] in "abceghlkm" and "session" not in name))
async def test_no_event_says_what_the_one_before_said(life: Life, trace: str) -> None:
    await play(life, trace)
    for type_ in ("CLUSTER_STATUS", "JOB_STATUS"):
        assert all(one != other for one, other in pairwise(life.states(type_)))
    exceptions = [each["data"]["exceptionString"] for each in life.events("JOB_EXCEPTION")]
    assert all(one != other for one, other in pairwise(exceptions))
    assert bool(exceptions) == any(row and row.get("error") for row in TRACES[trace])


async def test_while_an_upgrade_waits_the_former_instance_stays_the_deployed_one(life: Life) -> None:
    running = TRACES["b3-upgrade-stateless"][0]
    assert running
    first = life.record.instance
    await life.see(running, first, "job-1")
    await life.deploy(2, restartNonce=2)
    await life.see({**running, "generation": 8, "revision": 2}, first, "job-1")
    assert life.record.instance != first
    assert life.current == first
    await life.see({**running, "generation": 8, "revision": 2, "job": "FAILED"}, first, "job-1")
    assert [each["state"] for each in life.instances()] == ["FAILED", ""]


async def test_the_next_instance_is_deployed_only_when_the_operator_has_finished_its_upgrade(life: Life) -> None:
    rows = [row for row in TRACES["b3-upgrade-stateless"] if row]
    first = life.record.instance
    await life.see(rows[0], first, "job-1")
    await life.deploy(2, restartNonce=2)
    await life.see(rows[2], life.record.instance, "job-1")
    assert (life.record.status or {})["lifecycleState"] == "UPGRADING"
    assert life.current == first
    await life.see(rows[3], life.record.instance, "job-2")
    assert life.current == life.record.instance


@pytest.mark.parametrize("state", ["ROLLING_BACK", "ROLLED_BACK"])
async def test_after_a_rollback_the_stable_instance_is_deployed(life: Life, state: str) -> None:
    row = {**(TRACES["b3-upgrade-stateless"][0] or {}), "lifecycleState": state, "reconciliation": state}
    first = life.record.instance
    await life.deploy(2, restartNonce=2)
    stable = json.dumps({"spec": annotated({}, first)})
    last = json.dumps({"spec": annotated({}, life.record.instance)})
    found = operator_object(life.record, row)
    found["status"]["reconciliationStatus"] = {"state": state, "lastReconciledSpec": last, "lastStableSpec": stable}
    await life.recorder.seen(life.record.key, life.record.uid, found)
    record = life.store.get(life.record.key)
    assert record is not None
    assert (record.status or {})["currentDeployedInstanceName"] == first


@pytest.mark.parametrize(
    "name", ["", "x" * 36, "../../etc", 7, None, {"a": "b"}, "78FE15A3-8C53-403F-8B6C-34198D6F0786", "-" * 36]
)
def test_a_forged_instance_is_none(name: Any) -> None:
    assert instance_of({"podTemplate": {"metadata": {"annotations": {ANNOTATION: name}}}}) is None


@pytest.mark.parametrize("spec", [{}, {"podTemplate": None}, {"podTemplate": {"metadata": 5}}, {"podTemplate": "x"}])
def test_a_spec_without_annotations_names_no_instance(spec: dict[str, Any]) -> None:
    assert instance_of(spec) is None


def test_annotations_come_off_as_they_went_on() -> None:
    own = {"podTemplate": {"metadata": {"annotations": {"mine": "1"}}, "spec": {"hostNetwork": True}}, "image": "a"}
    assert unannotated(annotated(own, str(uuid4()))) == own
    assert unannotated(own) == own
    assert unannotated(annotated({"image": "a"}, str(uuid4())))["podTemplate"] == {}


async def test_an_instance_that_is_not_known_holds_no_job(life: Life) -> None:
    row = TRACES["b3-upgrade-stateless"][0]
    assert row
    await life.see(row, str(uuid4()), "job-1")
    assert life.instances() == [{"name": life.record.instance, "jobId": "", "state": ""}]


@pytest.mark.parametrize(
    ("changes", "another"),
    [
        ({"restartNonce": 1}, True),
        ({"image": "flink:2"}, True),
        ({"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2}}, False),
        ({"flinkConfiguration": {"taskmanager": {"numberOfTaskSlots": 2}, "job.autoscaler.enabled": True}}, False),
        ({"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2, "kubernetes.operator.a": "b"}}, False),
        ({"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 3}}, True),
        ({"ingress": {"template": "x"}, "imagePullPolicy": "Always"}, False),
        ({"logConfiguration": None}, False),
    ],
)
async def test_only_what_needs_new_pods_makes_an_instance(life: Life, changes: dict[str, Any], another: bool) -> None:
    before = life.record.instance
    assert before is not None
    assert UUID(before).version == 4
    await life.deploy(2, **changes)
    assert (life.record.instance != before) == another
    assert len(life.instances()) == 1 + another


async def test_starting_from_a_savepoint_makes_an_instance_and_taking_one_does_not(life: Life) -> None:
    first, taken = life.record.instance, {"trigger": {"nonce": 5, "savepoint": "a", "uid": "b"}}
    await life.change(replace(life.record, generation=2, private=taken))
    assert life.record.instance == first
    start = {"initialSavepointPath": "s3://a", "savepointRedeployNonce": 6}
    await life.change(replace(life.record, generation=3, private={**taken, "start": start}))
    second = life.record.instance
    assert second != first
    assert len(life.events("CMF_STATUS")) == 2
    entry = life.store.history.get(life.record.uid, INSTANCE, str(second))
    assert entry is not None
    assert start.items() <= entry.status["spec"]["job"].items()
    await life.change(replace(life.record, generation=4, private=None))
    assert life.record.instance == second, "the operator does not mind a nonce that goes"


@pytest.mark.parametrize("field", ["upgradeMode", "savepointTriggerNonce", "initialSavepointPath"])
async def test_what_the_operator_takes_up_without_new_pods_is_in_the_next_instance(life: Life, field: str) -> None:
    first = life.record.instance
    await life.deploy(2, job={**life.record.spec["job"], field: "1"})
    assert life.record.instance == first
    await life.deploy(3, restartNonce=1)
    assert life.record.instance is not None
    entry = life.store.history.get(life.record.uid, INSTANCE, life.record.instance)
    assert entry is not None
    assert entry.status["spec"]["job"][field] == "1"


async def test_defaults_that_changed_after_a_jobs_end_make_an_instance_when_it_is_deployed_again(life: Life) -> None:
    first = life.record.instance
    defaults = {"spec": {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": "7"}}}
    other = environment(flinkApplicationDefaults=defaults)
    job = {**life.record.spec["job"], "upgradeMode": "last-state"}
    after = replace(
        life.record, generation=2, document={**life.record.document, "spec": {**life.record.spec, "job": job}}
    )

    def work(transaction: Transaction) -> Record:
        record, _ = life.history.change(transaction, Placement(life.record, other), Placement(after, other))
        return record

    assert (await life.store.transact(work)).instance != first


async def test_an_application_of_an_older_hub_gets_an_instance_with_its_next_change(life: Life) -> None:
    life.record = await life.store.transact(lambda transaction: transaction.put(replace(life.record, instance=None)))
    await life.deploy(2, imagePullPolicy="Always")
    assert life.record.instance is None, "its job would be restarted to annotate its pods"
    await life.deploy(3, restartNonce=1)
    assert life.record.instance is not None


async def test_the_deployed_instance_is_never_forgotten(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "other.db")
    life = Life(store, Settings(application_instances_max_instances_per_application=2))
    await life.begin()
    running = TRACES["b3-upgrade-stateless"][0]
    assert running
    first = life.record.instance
    await life.see(running, first, "job-1")
    for generation in range(2, 7):
        await life.deploy(generation, restartNonce=generation)
        await store.transact(lambda transaction: life.history.prune(transaction, life.record))
    assert len(life.instances()) == 3
    assert life.instances()[0] == {"name": first, "jobId": "job-1", "state": "RUNNING"}
    await store.close()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, ""),
        ("", ""),
        ("plain words", "plain words"),
        ("[1]", "[1]"),
        ('{"type":"a.B","message":"m","throwableList":[{"type":"c.D","message":"n"}]}', "a.B: m\nCaused by: c.D: n"),
        ('{"type":"a.B","message":"m","stackTrace":"at x"}', "a.B: m\nat x"),
        ('{"type":"a.B","throwableList":["x"]}', '{"type":"a.B","throwableList":["x"]}'),
    ],
)
def test_exceptions_read_as_java_prints_them(error: str | None, text: str) -> None:
    assert exception_string(error) == text


async def test_a_secret_at_the_bound_of_an_exception_is_hidden_whole(life: Life) -> None:
    secret = "hush-hush-value"
    await life.deploy(2, flinkConfiguration={"fs.s3a.secret.key": secret, "a.password": "abc"})
    row = TRACES["b3-upgrade-stateless"][0]
    assert row
    await life.see({**row, "revision": 2}, life.record.instance, None, error="x" * (LONGEST_EXCEPTION - 4) + secret)
    (event,) = life.events("JOB_EXCEPTION")
    assert "hush" not in json.dumps(event)
    assert event["data"]["exceptionString"].endswith("x*...")
