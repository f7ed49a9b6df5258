"""StateStore and Minio: settings, credentials, and what is refused."""

from typing import Any

import pytest
from pulumi_cmf_components import Minio, StateStore

from tests.components.mocked import made_by


def settings(store: StateStore) -> dict[str, str]:
    spec: Any = store.defaults["spec"]
    configuration: dict[str, str] = spec["flink_configuration"]
    return configuration


@pytest.mark.rule("E32", "E34")
def test_a_store_is_settings_and_credentials_as_secrets() -> None:
    stores: list[Any] = []
    keys: Any = {"access_key": "flink", "secret_key": "confidential", "endpoint": "http://minio:9000"}
    made = made_by(lambda: StateStore("state", uri="s3://bucket/flink/", namespaces=["a", "b"], s3=keys), stores)
    assert settings(stores[0]) == {
        "state.backend.type": "rocksdb",
        "state.checkpoints.dir": "s3://bucket/flink/checkpoints",
        "state.savepoints.dir": "s3://bucket/flink/savepoints",
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": "s3://bucket/flink/ha",
        "s3.endpoint": "http://minio:9000",
        "s3.path.style.access": "true",
    }
    assert "confidential" not in str(stores[0].defaults)
    assert made["Secret", "state-a"]["metadata"] == {"name": "state", "namespace": "a"}
    container = stores[0].defaults["spec"]["pod_template"]["spec"]["containers"][0]
    assert container["env"][1]["valueFrom"] == {"secretKeyRef": {"name": "state", "key": "secret-key"}}


@pytest.mark.rule("E35")
def test_a_shared_volume_is_claimed_and_mounted_where_the_directories_are() -> None:
    stores: list[Any] = []
    volume: Any = {"mount_path": "/flink-state", "storage_class": "nfs"}
    made = made_by(lambda: StateStore("state", uri="file:///flink-state", namespaces=["a"], volume=volume), stores)
    claim = made["PersistentVolumeClaim", "state-a"]["spec"]
    assert (claim["accessModes"], claim["storageClassName"]) == (["ReadWriteMany"], "nfs")
    pod = stores[0].defaults["spec"]["pod_template"]["spec"]
    assert pod["volumes"] == [{"name": "flink-state", "persistentVolumeClaim": {"claimName": "state"}}]


def test_google_takes_a_key_from_a_file() -> None:
    stores: list[Any] = []
    made = made_by(lambda: StateStore("state", uri="gs://bucket", namespaces=["a"], gcs={"key": "{}"}), stores)
    assert ("Secret", "state-a") in made
    container = stores[0].defaults["spec"]["pod_template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/etc/flink-state/key.json"}]


@pytest.mark.rule("E34", "E35")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"uri": "file:///tmp/state"}, "in the pod's own file system"),
        ({"uri": "file:///state", "volume": {"mount_path": "/state", "host_path": "/mnt"}}, "on the hostPath volume"),
        ({"uri": "s3://a", "savepoints": "/tmp"}, "in the pod's own file system"),
    ],
)
def test_what_goes_with_a_pod_or_node_is_refused_unless_it_may(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        made_by(lambda: StateStore("state", namespaces=["a"], **arguments))
    made_by(lambda: StateStore("state", namespaces=["a"], protected=False, **arguments))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"uri": "bucket/flink"}, "must begin with one of s3://"),
        ({"uri": "s3://a", "volume": {"mount_path": "/a"}}, "volume is for file:// addresses"),
        ({"uri": "s3://a", "s3": {"access_key": "a"}}, "go together"),
    ],
)
def test_parts_that_do_not_fit_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        made_by(lambda: StateStore("state", namespaces=["a"], **arguments))


def test_a_minio_for_development_is_what_a_store_takes() -> None:
    stores: list[Any] = []

    def program() -> StateStore:
        minio = Minio("minio", secret_key="confidential", bucket="states")
        return StateStore("state", uri=minio.uri, s3=minio.s3, namespaces=["a"])

    made = made_by(program, stores)
    assert settings(stores[0])["s3.endpoint"] == "http://minio.minio.svc:9000"
    (container,) = made["Deployment", "minio"]["spec"]["template"]["spec"]["containers"]
    assert "mkdir -p /data/states" in container["command"][2]
    assert "confidential" not in str(made["Deployment", "minio"])
