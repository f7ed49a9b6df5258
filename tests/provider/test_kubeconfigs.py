"""Kubeconfigs in the directory that CMF watches, and in a Kubernetes Secret of a real API server."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cmf_core.errors import BadRequest
from cmf_localfleet import LocalCluster
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api, V1ObjectMeta, V1Secret
from pulumi_cmf.lifecycle.kubeconfigs import KubeconfigDirectory, Kubeconfigs, KubeconfigSecret, kubeconfigs
from pulumi_cmf.lifecycle.operations import Refused
from pulumi_cmf.lifecycle.settings import Settings

from tests.provider.operations import names_in
from tests.support.hub import Spoke, unique


@pytest.fixture
def home(fleet: dict[str, Spoke]) -> LocalCluster:
    return fleet["home"].cluster


@pytest.fixture
def secret(home: LocalCluster) -> Iterator[str]:
    """Name of an empty Secret in namespace cmf."""
    name = unique("kubeconfigs")
    with connect(home.kubeconfig) as client:
        CoreV1Api(client).create_namespaced_secret("cmf", V1Secret(metadata=V1ObjectMeta(name=name)))
        yield name
        CoreV1Api(client).delete_namespaced_secret(name, "cmf")


@pytest.fixture(params=["directory", "secret"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Kubeconfigs:
    if request.param == "directory":
        return KubeconfigDirectory(tmp_path)
    home: LocalCluster = request.getfixturevalue("home")
    return KubeconfigSecret("cmf", request.getfixturevalue("secret"), kubeconfig=home.kubeconfig)


async def test_put_get_replace_remove(place: Kubeconfigs) -> None:
    assert await place.get("spoke-1") is None
    await place.put("spoke-1", "first")
    await place.put("spoke-2.kubeconfig", "other")
    await place.put("spoke-1", "second")
    assert await place.get("spoke-1") == "second"
    await place.remove("spoke-1")
    await place.remove("spoke-1")
    assert await place.get("spoke-1") is None
    assert await place.get("spoke-2.kubeconfig") == "other"


@pytest.mark.rule("C04", "C11")
@pytest.mark.parametrize("name", ["../etc/passwd", "default-k8s-cluster", ".hidden", "", "a/b"])
async def test_a_name_that_is_no_cluster_s_touches_nothing(place: Kubeconfigs, name: str) -> None:
    with pytest.raises(BadRequest):
        await place.put(name, "text")
    with pytest.raises(BadRequest):
        await place.remove(name)


async def test_a_file_is_its_owner_s_and_leaves_no_other(tmp_path: Path) -> None:
    await KubeconfigDirectory(tmp_path).put("spoke-1", "text")
    assert names_in(tmp_path) == ["spoke-1"]
    assert (tmp_path / "spoke-1").stat().st_mode & 0o777 == 0o600


async def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    place, texts = KubeconfigDirectory(tmp_path), {"a" * 1_000_000, "b" * 1_000_000}
    await place.put("spoke-1", "a" * 1_000_000)
    writing = asyncio.ensure_future(asyncio.gather(*(place.put("spoke-1", text) for text in sorted(texts) * 5)))
    while not writing.done():
        assert await place.get("spoke-1") in texts
    await writing


async def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    place = KubeconfigDirectory(tmp_path)
    await place.put("spoke-1", "old")
    with pytest.raises(UnicodeEncodeError):
        await place.put("spoke-1", "new \udcff")
    assert names_in(tmp_path) == ["spoke-1"]
    assert await place.get("spoke-1") == "old"


async def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nowhere does not exist: it must be the one that CMF watches"):
        await KubeconfigDirectory(tmp_path / "nowhere").put("spoke-1", "text")


def test_no_place_is_told() -> None:
    with pytest.raises(Refused, match="set cmf:kubeconfigDirectory"):
        kubeconfigs(Settings(url="http://cmf"))


async def test_two_writers_of_one_secret_lose_nothing(home: LocalCluster, secret: str) -> None:
    place = KubeconfigSecret("cmf", secret, kubeconfig=home.kubeconfig)
    names = [f"spoke-{number}" for number in range(5)]
    await asyncio.gather(*(place.put(name, name) for name in names))
    with connect(home.kubeconfig) as client:
        data = CoreV1Api(client).read_namespaced_secret(secret, "cmf").data or {}
    assert {key: base64.b64decode(value).decode() for key, value in data.items()} == dict(
        zip(names, names, strict=True)
    )


async def test_a_secret_that_is_not_there_is_told(home: LocalCluster) -> None:
    with pytest.raises(Refused, match="Secret 'none' in namespace 'cmf': does not exist: create it, and mount it"):
        await KubeconfigSecret("cmf", "none", kubeconfig=home.kubeconfig).put("spoke-1", "text")


async def test_a_secret_s_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="its cluster's kubeconfig is no use"):
        await KubeconfigSecret("cmf", "none", kubeconfig=tmp_path / "none").get("spoke-1")


async def test_credentials_of_the_secret_s_cluster_stay_nowhere(
    home: LocalCluster, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await KubeconfigSecret("cmf", secret, kubeconfig=home.kubeconfig).put("spoke-1", "text")
    assert names_in(tmp_path) == []
