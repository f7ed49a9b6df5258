"""Clusters: staged, registered, rotated, decommissioned, on a real hub and a real API server."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cmf_core.errors import BadRequest, HubUnreachable
from cmf_localfleet import LocalCluster
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub
from pulumi_cmf.lifecycle.kubernetes_cluster import KubernetesClusterKind
from pulumi_cmf.lifecycle.operations import Created, NotReady, Refused

from tests.provider.operations import Told, create, delete, names_in, refresh, update
from tests.support.hub import Hub, unique

KIND = KubernetesClusterKind()
DEAD = """
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: TOPSECRET}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
"""

Registered = Callable[..., Any]


@pytest.fixture
async def registered(hub: LifecycleHub, spoke: LocalCluster, cmf: Hub) -> AsyncIterator[Registered]:
    """Register the spoke under a new name; afterwards it is gone."""
    made: list[Created] = []

    @asynccontextmanager
    async def cluster(**inputs: Any) -> AsyncIterator[Created]:
        given = {"name": unique("spoke"), "kubeconfig": spoke.kubeconfig.read_text(), **inputs}
        made.append(await create(KIND, hub, **given))
        yield made[-1]

    yield cluster
    for one in made:
        await delete(KIND, hub, one)


@pytest.mark.rule("C10", "C25", "C30", "C46")
async def test_create_waits_until_connected_and_sets_labels(
    registered: Registered, hub: LifecycleHub, cmf: Hub
) -> None:
    async with registered(labels={"region": "eu"}, annotations={"team": "a"}) as made:
        answer = cmf.get(f"/kubernetes-clusters/{made.id}").json()
        assert made.state["state"] == answer["status"]["state"] == "CONNECTED"
        assert made.state["uid"] == answer["metadata"]["uid"]
        assert made.state["kubernetes_version"].startswith("v1.")
        assert answer["metadata"]["labels"] == {"region": "eu"}
        assert (await refresh(KIND, hub, made)).inputs == KIND.inputs_in(made.state)


async def test_a_create_that_was_cut_short_goes_on(hub: LifecycleHub, cmf: Hub, spoke: LocalCluster) -> None:
    name, text = unique("spoke"), spoke.kubeconfig.read_text()
    (cmf.kubeconfigs / name).write_text(text)
    made = await create(KIND, hub, name=name, kubeconfig=text)
    assert made.state["state"] == "CONNECTED"
    await delete(KIND, hub, made)


async def test_a_kubeconfig_of_somebody_else_is_kept(hub: LifecycleHub, cmf: Hub, spoke: LocalCluster) -> None:
    name = unique("spoke")
    (cmf.kubeconfigs / name).write_text(DEAD)
    with pytest.raises(Refused, match=r"there is another kubeconfig of this name in directory .*: remove it"):
        await create(KIND, hub, name=name, kubeconfig=spoke.kubeconfig.read_text())
    assert (cmf.kubeconfigs / name).read_text() == DEAD
    (cmf.kubeconfigs / name).unlink()


async def test_a_cluster_that_does_not_answer_is_told_and_can_be_removed(hub: LifecycleHub, cmf: Hub) -> None:
    name, told = unique("spoke"), Told()
    with pytest.raises(NotReady) as failed:
        await create(KIND, hub, told, name=name, kubeconfig=DEAD, timeouts={"create": 3})
    assert "was not CONNECTED within" in failed.value.reason
    assert "DISCONNECTED" in failed.value.reason
    assert "127.0.0.1:1" in failed.value.reason
    assert failed.value.id == name
    assert failed.value.state["state"] == "DISCONNECTED"
    assert "TOPSECRET" not in failed.value.reason + "".join(told.progress)
    await delete(KIND, hub, Created(name, failed.value.state))
    assert cmf.get(f"/kubernetes-clusters/{name}").status_code == 404
    assert not (cmf.kubeconfigs / name).exists()


async def test_a_directory_that_cmf_does_not_watch_is_told(
    hub: LifecycleHub, spoke: LocalCluster, tmp_path: Path
) -> None:
    elsewhere = replace(hub, settings=replace(hub.settings, kubeconfig_directory=tmp_path))
    with pytest.raises(NotReady, match=r"Is directory .* what CMF watches\? See CMF's log"):
        await create(KIND, elsewhere, name=unique("spoke"), kubeconfig=DEAD, timeouts={"create": 1})


async def test_nothing_is_staged_for_a_cmf_that_is_not_there(hub: LifecycleHub, tmp_path: Path) -> None:
    async with type(hub.client)(replace(hub.client.settings, url="http://127.0.0.1:1", attempts=1)) as client:
        settings = replace(hub.settings, kubeconfig_directory=tmp_path)
        with pytest.raises(HubUnreachable, match="cannot be reached"):
            await create(KIND, replace(hub, client=client, settings=settings), name="spoke-x", kubeconfig=DEAD)
    assert names_in(tmp_path) == []


@pytest.mark.rule("C15")
async def test_rotation_uses_the_new_credentials_and_keeps_the_uid(
    registered: Registered, hub: LifecycleHub, cmf: Hub, spoke: LocalCluster
) -> None:
    async with registered() as made:
        rotated = f"# rotated\n{spoke.kubeconfig.read_text()}"
        state = await update(KIND, hub, made, kubeconfig=rotated)
        assert state["uid"] == made.state["uid"]
        assert (cmf.kubeconfigs / made.id).read_text() == rotated
        with pytest.raises(NotReady, match="CONNECTED within"):
            await update(KIND, hub, made, kubeconfig=DEAD, timeouts={"update": 2})


@pytest.mark.rule("C40", "C43", "C45", "C46")
async def test_life_cycle_and_labels_change_in_place(registered: Registered, hub: LifecycleHub, cmf: Hub) -> None:
    async with registered(labels={"a": "1", "b": "2"}) as made:
        state = await update(KIND, hub, made, labels={"a": "1"}, lifecycle_state="DECOMMISSIONED")
        assert state["state"] == "DECOMMISSIONED"
        assert cmf.get(f"/kubernetes-clusters/{made.id}").json()["metadata"]["labels"] == {"a": "1"}
        back = await update(KIND, hub, Created(made.id, state), lifecycle_state="ACTIVE")
        assert back["state"] == "CONNECTED"


@pytest.mark.rule("C36", "C40")
async def test_a_cluster_that_others_retired_is_taken_back_by_a_program_that_says_nothing_of_its_life_cycle(
    registered: Registered, hub: LifecycleHub, cmf: Hub
) -> None:
    def retire(cluster: str) -> None:
        cmf.put(f"/kubernetes-clusters/{cluster}", {"spec": {"lifecycleState": "DECOMMISSIONED"}}).raise_for_status()

    async with registered() as made:
        retire(made.id)
        assert (await update(KIND, hub, made, labels={"a": "1"}, timeouts={"update": 30}))["state"] == "CONNECTED"
        retire(made.id)
        again = await create(KIND, hub, name=made.id, kubeconfig=made.state["kubeconfig"], timeouts={"create": 30})
        assert again.state["state"] == "CONNECTED"


@pytest.mark.rule("C44", "C47")
async def test_labels_that_cmf_keeps_are_warned_of(registered: Registered, hub: LifecycleHub) -> None:
    async with registered(labels={"a": "1"}) as made:
        told = Told()
        await update(KIND, hub, made, told, labels=None)
        assert told.warnings == [f"KubernetesCluster '{made.id}' keeps its labels: CMF cannot clear them (C44, C47)"]


@pytest.mark.rule("C41")
async def test_a_cluster_with_environments_is_not_removed(registered: Registered, hub: LifecycleHub, cmf: Hub) -> None:
    async with registered() as made:
        environment = cmf.environment("flink", made.id)
        name = environment.rpartition("/")[2]
        refused = f"Cannot decommission cluster '{made.id}': referenced by environments \\[{name}\\]"
        with pytest.raises(BadRequest, match=refused):
            await delete(KIND, hub, made)
        with pytest.raises(BadRequest, match=refused):
            await update(KIND, hub, made, lifecycle_state="DECOMMISSIONED", kubeconfig=DEAD)
        assert (cmf.kubeconfigs / made.id).read_text() == made.state["kubeconfig"]
        assert cmf.cluster_state(made.id) == "CONNECTED"
        assert cmf.delete(environment).status_code == 204


@pytest.mark.rule("C14")
async def test_delete_removes_file_and_record_and_can_be_repeated(
    hub: LifecycleHub, cmf: Hub, spoke: LocalCluster
) -> None:
    made = await create(KIND, hub, name=unique("spoke"), kubeconfig=spoke.kubeconfig.read_text())
    await delete(KIND, hub, made)
    assert cmf.get(f"/kubernetes-clusters/{made.id}").status_code == 404
    assert not (cmf.kubeconfigs / made.id).exists()
    await delete(KIND, hub, made)
    assert await KIND.read(hub, made.id, made.state) is None


async def test_refresh_sees_what_changed_behind_our_back(registered: Registered, hub: LifecycleHub, cmf: Hub) -> None:
    async with registered(labels={"a": "1"}) as made:
        cmf.put(f"/kubernetes-clusters/{made.id}", {"metadata": {"labels": {"b": "2"}}})
        (cmf.kubeconfigs / made.id).write_text(made.state["kubeconfig"] + "\n# by hand\n")
        found = await refresh(KIND, hub, made)
        assert found.inputs == {"name": made.id, "labels": {"b": "2"}}
        healed = await update(KIND, hub, made)
        assert (cmf.kubeconfigs / made.id).read_text() == made.state["kubeconfig"]
        assert healed["labels"] == {"a": "1"}


@pytest.mark.rule("C02")
async def test_the_hub_s_own_cluster_can_be_read(hub: LifecycleHub) -> None:
    found = await KIND.read(hub, "default-k8s-cluster", {})
    assert found is not None
    assert found.state["state"] == "CONNECTED"
    assert found.inputs == {"name": "default-k8s-cluster", "lifecycle_state": "ACTIVE"}
