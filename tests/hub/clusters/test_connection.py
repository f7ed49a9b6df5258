"""A connection to a real API server."""

import asyncio
import os
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from cmf_core.errors import ClusterUnavailable
from cmf_hub.clusters import (
    FLINK_DEPLOYMENT,
    FLINK_SESSION_JOB,
    FlinkResource,
    KubernetesRefusal,
    WatchEnded,
)
from cmf_hub.clusters import connection as module
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_localfleet import LocalCluster

from tests.hub.clusters.sockets import sockets_to
from tests.support.wait import eventually

LABEL = "cmf-hub.io/test"


def deployment(namespace: str, name: str = "app", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "FlinkDeployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {LABEL: namespace}},
        "spec": {"image": "flink:1.20", "flinkVersion": "v1_20", **spec},
    }


@pytest.mark.rule("C55")
async def test_version_identity_and_what_is_installed(connection: Connection) -> None:
    assert (await connection.version()).startswith("v1.")
    identity = await connection.identity()
    assert identity is not None
    assert len(identity) == 36
    assert await connection.crds() == {connection.crd(resource) for resource in FlinkResource}


async def test_another_api_group_is_not_installed(credentials: ClusterCredentials) -> None:
    other = Connection("spoke", credentials, flink_api_group="platform.confluent.io")
    assert await other.crds() == set()
    await other.close()


async def test_namespaces_and_service_accounts(
    connection: Connection, namespace: str, token_of: Callable[[str], str]
) -> None:
    assert await connection.namespace_exists(namespace)
    assert not await connection.namespace_exists("no-such-namespace")
    token_of("flink")
    assert await connection.service_account_exists(namespace, "flink")
    assert not await connection.service_account_exists(namespace, "nobody")


async def test_apply_creates_changes_and_lets_others_fields_alone(connection: Connection, namespace: str) -> None:
    assert await connection.get(FLINK_DEPLOYMENT, namespace, "app") is None
    created = await connection.apply(deployment(namespace, serviceAccount="flink"))
    assert created["apiVersion"] == "flink.apache.org/v1beta1"
    assert created["metadata"]["managedFields"][0]["manager"] == "cmf-hub"
    changed = await connection.apply(deployment(namespace, image="flink:1.20.1"))
    assert changed["metadata"]["uid"] == created["metadata"]["uid"]
    assert changed["spec"] == {"image": "flink:1.20.1", "flinkVersion": "v1_20"}
    assert await connection.get(FLINK_DEPLOYMENT, namespace, "app") == changed
    same = await connection.apply(deployment(namespace, image="flink:1.20.1"))
    assert same["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]


async def test_create_makes_an_object_or_leaves_the_one_that_is_there(connection: Connection, namespace: str) -> None:
    made = await connection.create(deployment(namespace))
    assert made is not None
    assert made["metadata"]["managedFields"][0]["operation"] == "Apply"
    assert await connection.create(deployment(namespace, image="flink:1.20.1")) is None
    assert await connection.create(deployment(namespace)) is None
    assert await connection.get(FLINK_DEPLOYMENT, namespace, "app") == made
    changed = await connection.apply(deployment(namespace, image="flink:1.20.1"))
    assert "serviceAccount" not in changed["spec"]
    with pytest.raises(KubernetesRefusal, match="Unsupported value"):
        await connection.create(deployment(namespace, "another", flinkVersion="v0_1"))


async def test_what_the_cluster_refuses_is_a_refusal_with_its_words(connection: Connection, namespace: str) -> None:
    cases = [
        (deployment(namespace, flinkVersion="v0_1"), 422, "spec.flinkVersion: Unsupported value"),
        (deployment(namespace, imgae="typo"), 422, ".spec.imgae: field not declared in schema"),
        (deployment(namespace, "UPPER"), 422, "metadata.name: Invalid value"),
        (deployment("no-such-namespace"), 422, 'namespaces "no-such-namespace" not found: create the namespace'),
    ]
    for manifest, status, words in cases:
        with pytest.raises(KubernetesRefusal) as caught:
            await connection.apply(manifest)
        assert caught.value.status == status
        assert words in str(caught.value)
        assert str(caught.value).startswith("Kubernetes cluster 'spoke' refuses to apply FlinkDeployment '")
    assert await connection.get(FLINK_DEPLOYMENT, namespace, "app") is None


@pytest.mark.rule("C20")
async def test_without_the_crds_a_refusal_says_what_to_install(credentials: ClusterCredentials, namespace: str) -> None:
    other = Connection("spoke", credentials, flink_api_group="not-installed.example.org")
    with pytest.raises(KubernetesRefusal, match="install the Flink Kubernetes Operator with its CRDs"):
        await other.apply(deployment(namespace))
    with pytest.raises(KubernetesRefusal, match="install the Flink Kubernetes Operator with its CRDs"):
        await other.list(FLINK_DEPLOYMENT, f"{LABEL}={namespace}")
    await other.close()


async def test_delete_is_of_one_object_only(connection: Connection, namespace: str) -> None:
    first = await connection.apply(deployment(namespace))
    assert await connection.delete(FLINK_DEPLOYMENT, namespace, "app", first["metadata"]["uid"])
    second = await connection.apply(deployment(namespace))
    assert not await connection.delete(FLINK_DEPLOYMENT, namespace, "app", first["metadata"]["uid"])
    assert await connection.get(FLINK_DEPLOYMENT, namespace, "app") == second
    assert await connection.delete(FLINK_DEPLOYMENT, namespace, "app")
    assert not await connection.delete(FLINK_DEPLOYMENT, namespace, "app")


async def test_lists_are_complete_over_pages_and_by_label(
    connection: Connection, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    for n in range(5):
        await connection.apply(deployment(namespace, f"app-{n}"))
    listing = await connection.list(FLINK_DEPLOYMENT, f"{LABEL}={namespace}")
    assert [item["metadata"]["name"] for item in listing.items] == [f"app-{n}" for n in range(5)]
    assert listing.resource_version
    assert (await connection.list(FLINK_DEPLOYMENT, f"{LABEL}=nothing")).items == []
    assert (await connection.list(FLINK_SESSION_JOB, f"{LABEL}={namespace}")).items == []


async def test_a_watch_sees_what_happens_after_a_list(connection: Connection, namespace: str) -> None:
    listing = await connection.list(FLINK_DEPLOYMENT, f"{LABEL}={namespace}")

    async def change() -> None:
        await connection.apply(deployment(namespace))
        await connection.apply(deployment(namespace, image="flink:1.20.1"))
        await connection.delete(FLINK_DEPLOYMENT, namespace, "app")

    changing = asyncio.create_task(change())
    seen = []
    events = connection.watch(FLINK_DEPLOYMENT, f"{LABEL}={namespace}", listing.resource_version)
    async with asyncio.timeout(30), aclosing(events):
        async for kind, found in events:
            seen.append((kind, found["spec"]["image"]))
            if kind == "DELETED":
                break
    await changing
    assert seen == [("ADDED", "flink:1.20"), ("MODIFIED", "flink:1.20.1"), ("DELETED", "flink:1.20.1")]


async def test_a_watch_outlives_the_streams_that_the_server_ends(
    connection: Connection, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WATCH_SECONDS", 1)
    listing = await connection.list(FLINK_DEPLOYMENT, f"{LABEL}={namespace}")
    seen = []
    events = connection.watch(FLINK_DEPLOYMENT, f"{LABEL}={namespace}", listing.resource_version)
    await connection.apply(deployment(namespace, "app-0"))
    async with asyncio.timeout(30), aclosing(events):
        # An ending stream without any event would end the watch; the server sends a bookmark before it ends one.
        async for _, found in events:
            seen.append(found["metadata"]["name"])
            if len(seen) == 4:
                break
            await asyncio.sleep(1)
            await connection.apply(deployment(namespace, f"app-{len(seen)}"))
    assert seen == [f"app-{n}" for n in range(4)]


async def test_a_watch_from_too_long_ago_says_so(connection: Connection, namespace: str) -> None:
    async with aclosing(connection.watch(FLINK_DEPLOYMENT, f"{LABEL}={namespace}", "1")) as events:
        with pytest.raises(WatchEnded):
            await anext(events)


async def test_a_paused_server_ends_calls_and_watches_in_time(
    cluster: LocalCluster, credentials: ClusterCredentials, namespace: str
) -> None:
    connection = Connection("spoke", credentials, request_timeout=1, watch_silence=2)
    try:
        await connection.version(20)
        listing = await connection.list(FLINK_DEPLOYMENT, f"{LABEL}={namespace}")

        async def watch() -> None:
            async for _ in connection.watch(FLINK_DEPLOYMENT, f"{LABEL}={namespace}", listing.resource_version):
                pass

        watching = asyncio.create_task(watch())
        await connection.version(20)
        await asyncio.to_thread(cluster.pause)
        async with asyncio.timeout(20):
            with pytest.raises(ClusterUnavailable, match=r"read its version: .* did not answer in time"):
                await connection.version()
            with pytest.raises(ClusterUnavailable, match=r"watch FlinkDeployments: .* did not answer in time"):
                await watching
    finally:
        await asyncio.to_thread(cluster.resume)
        await connection.close()
    await eventually(lambda: sockets_to(cluster) == [], "all sockets to be closed")


@pytest.mark.rule("C63")
async def test_without_rights_the_missing_one_is_named(
    credentials: ClusterCredentials, namespace: str, token_of: Callable[[str], str]
) -> None:
    token = await asyncio.to_thread(token_of, "powerless")
    connection = Connection(
        "spoke", replace(credentials, client_certificate=None, client_key=None, token=token), request_timeout=20
    )
    user = f'User "system:serviceaccount:{namespace}:powerless" cannot'
    with pytest.raises(KubernetesRefusal) as caught:
        await connection.apply(deployment(namespace))
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    assert f'{user} patch resource "flinkdeployments"' in str(caught.value)
    assert "grant this right" in str(caught.value)
    with pytest.raises(KubernetesRefusal, match="does not allow the hub to list FlinkDeployments"):
        await connection.list(FLINK_DEPLOYMENT, f"{LABEL}={namespace}")
    with pytest.raises(KubernetesRefusal, match=f"does not allow the hub to get namespace '{namespace}'"):
        await connection.namespace_exists(namespace)
    # What every authenticated user may do is enough for the heartbeat and the operator check.
    assert (await connection.version()).startswith("v1.")
    assert len(await connection.crds()) == 3
    await connection.close()


async def test_a_wrong_token_is_rejected(credentials: ClusterCredentials) -> None:
    connection = Connection("spoke", replace(credentials, client_certificate=None, client_key=None, token="wrong"))
    with pytest.raises(ClusterUnavailable, match="rejects the hub's credentials"):
        await connection.version()
    await connection.close()


async def test_many_connections_leave_no_files_and_no_descriptors(
    credentials: ClusterCredentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    process = psutil.Process()

    async def rotate() -> None:
        connection = Connection("spoke", credentials, request_timeout=20)
        await connection.version()
        await connection.close()

    await rotate()
    before = process.num_fds()
    for _ in range(20):
        await rotate()
    assert process.num_fds() <= before
    assert os.listdir(tmp_path) == []  # noqa: PTH208
