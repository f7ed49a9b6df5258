"""What is left of a change when the hub dies in the middle of it."""

import os
import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.hub import ONE_HEARTBEAT, Hub, Spoke, application, unique
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]
KILLS = 4


def test_nothing_acknowledged_is_lost_and_nothing_is_left_half_done(own_hub: StartHub, home: Spoke) -> None:
    """Kill the hub at random moments of creates, updates and deletes; afterwards rows and objects agree."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    hub = own_hub()
    path = hub.environment("flink") + "/applications"
    names = [unique("crash") for _ in range(6)]
    acknowledged: dict[str, int | None] = {}
    for _ in range(KILLS):
        _change_until_killed(hub, path, names, acknowledged, chance)
        hub.start()
        hub.connected("default-k8s-cluster")
    wait_for(lambda: _settled(hub, path), f"the hub to finish its work (seed {seed})")
    listed = {item["metadata"]["name"]: item["spec"] for item in hub.get(path).json()["items"]}
    deployed = {name: each for name, each in home.deployments().items() if name in names}
    assert {name: spec["job"]["parallelism"] for name, spec in listed.items()} == {
        name: each["spec"]["job"]["parallelism"] for name, each in deployed.items()
    }, f"seed {seed}"
    for name, parallelism in acknowledged.items():
        found = listed[name]["job"]["parallelism"] if name in listed else None
        assert found == parallelism, f"{name}, seed {seed}"


def _change_until_killed(
    hub: Hub, path: str, names: list[str], acknowledged: dict[str, int | None], chance: random.Random
) -> None:
    """Change applications from three threads, kill the hub meanwhile, and note what it had acknowledged.

    A change without an answer may have happened or not: nothing is noted of its application then.
    """
    stop = threading.Event()
    seeds = [chance.random() for _ in range(3)]

    def change(number: int) -> None:
        own = random.Random(seeds[number])
        with httpx.Client(base_url=hub.http.base_url, timeout=30, trust_env=False) as client:
            while not stop.is_set():
                name, parallelism = own.choice(names[number::3]), own.randint(1, 99)
                before = acknowledged.pop(name, "unknown")
                try:
                    if own.random() < 0.3:
                        status = client.delete(f"/cmf/api/v1{path}/{name}").status_code
                        outcome: int | None = None
                    else:
                        status = client.post(
                            f"/cmf/api/v1{path}", json=application(name, parallelism=parallelism)
                        ).status_code
                        outcome = parallelism
                except httpx.TransportError:
                    return
                if status in (201, 204, 404):
                    acknowledged[name] = outcome
                elif before != "unknown":
                    acknowledged[name] = before  # type: ignore[assignment]

    with ThreadPoolExecutor(3) as threads:
        working = [threads.submit(change, number) for number in range(3)]
        threading.Event().wait(chance.uniform(0.2, 1.2))
        pid = hub.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        stop.set()
        for each in working:
            each.result()
    wait_for(lambda: hub.process.pid is None, "the hub to be dead")


def _settled(hub: Hub, path: str) -> bool:
    """Tell whether the operator has taken up every application's newest generation, and none is being deleted."""
    items = hub.get(path).json()["items"]
    return all(
        item["status"].get("observedGeneration") == item["metadata"]["generation"]
        and item["status"].get("lifecycleState") == "STABLE"
        for item in items
    )


def test_sigterm_ends_the_hub_cleanly(own_hub: StartHub) -> None:
    hub = own_hub()
    pid = hub.process.pid
    hub.process.stop()
    log = hub.process.log.read_text()
    assert "hub is stopping" in log
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    assert not (hub.directory / "hub.db-wal").exists(), "the database was closed"
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


def test_a_request_in_flight_is_answered_before_the_hub_ends(own_hub: StartHub, spoke: Spoke) -> None:
    hub = own_hub(**ONE_HEARTBEAT, CMF_K8S_REQUEST_TIMEOUT_SECONDS="3")
    path = hub.environment("flink", "spoke") + "/applications"
    pid = hub.process.pid
    assert pid is not None
    spoke.cluster.pause()
    try:
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(hub.post, path, application(unique("app")))
            wait_for(lambda: "cmf_http_requests_in_flight 2.0" in hub.http.get("/metrics").text, "the request to begin")
            os.kill(pid, signal.SIGTERM)
            assert answer.result().status_code == 503
    finally:
        spoke.cluster.resume()
    wait_for(lambda: hub.process.pid is None, "the hub to end")
    assert "Traceback" not in hub.process.log.read_text()


@pytest.mark.rule("E57")
def test_everything_is_there_after_a_restart(own_hub: StartHub, home: Spoke) -> None:
    hub = own_hub()
    hub.put("/kubernetes-clusters/spoke", {"metadata": {"labels": {"tier": "gold"}}})
    environment = hub.environment("flink")
    name = unique("app")
    hub.post(f"{environment}/applications", application(name))
    before = hub.until(f"{environment}/applications/{name}", "status.jobStatus.state", "RUNNING")
    uid = hub.get("/kubernetes-clusters/spoke").json()["metadata"]["uid"]
    hub.process.stop()
    hub.start()
    hub.connected("default-k8s-cluster")
    after = hub.until(f"{environment}/applications/{name}", "status.jobStatus.state", "RUNNING")
    assert (after["metadata"], after["spec"]) == (before["metadata"], before["spec"])
    cluster = hub.get("/kubernetes-clusters/spoke").json()
    assert (cluster["metadata"]["uid"], cluster["metadata"]["labels"]) == (uid, {"tier": "gold"})


def test_what_happened_on_the_cluster_while_the_hub_was_down_is_seen(own_hub: StartHub, home: Spoke) -> None:
    hub = own_hub()
    path = hub.environment("flink") + "/applications"
    name = unique("app")
    hub.post(path, application(name))
    hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
    hub.process.stop()
    home.patch(name, {"spec": {"job": {"parallelism": 9}}})
    hub.start()
    wait_for(lambda: home.deployments()[name]["spec"]["job"]["parallelism"] == 2, "the hub to put parallelism right")
