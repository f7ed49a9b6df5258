"""StateStore: where Flink keeps checkpoints, savepoints and what a new JobManager needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from cmf_core.rules.deployments import MAIN_CONTAINER, availability_storage, durable_state, reachable_state
from cmf_core.rules.verdict import advice
from pulumi import Input, Output
from pulumi_cmf.types import ApplicationDefaults
from pulumi_kubernetes.core.v1 import PersistentVolumeClaim, Secret

_VOLUME = "flink-state"
_GOOGLE_KEY = "/etc/flink-state/key.json"
_SCHEMES = ("s3", "s3a", "gs", "file")


class S3(TypedDict, total=False):
    """An S3 store, Amazon's or another that speaks its protocol. Without keys, pods have their own right to it."""

    endpoint: str
    """Address of a store that is not Amazon's, such as `http://minio.minio.svc:9000`."""
    path_style: bool
    """Buckets are in the path and not in the host name, as MinIO wants. Default: where there is an endpoint."""
    access_key: Input[str]
    secret_key: Input[str]
    """A secret."""
    plugin: str
    """Jar of Flink's `opt` folder for S3, such as `flink-s3-fs-presto-1.20.0.jar`. Default: the image has it."""


class Gcs(TypedDict, total=False):
    """Google Cloud Storage. Without a key, pods have their own right to it (workload identity)."""

    key: Input[str]
    """Text of a service account's key in JSON. A secret."""
    plugin: str
    """Jar of Flink's `opt` folder that speaks it. Default: the image has it."""


class Volume(TypedDict, total=False):
    """A volume that all nodes can write (ReadWriteMany), mounted at `mount_path` of every Flink pod."""

    mount_path: Required[str]
    claim: str
    """A claim that is there in each namespace. Default: one is made."""
    storage_class: str
    """Storage class of the claim to make; it must give ReadWriteMany."""
    size: str
    """Size of the claim to make. Default: 100Gi."""
    host_path: str
    """Folder of a node instead of a claim: only where there is one node, and never protected (E35)."""


class StateStore(pulumi.ComponentResource):
    """Durable storage of state (E34, E35): its directories as settings of Flink, its credentials as Secrets.

    `defaults` goes into an environment, for applications and pools; an environment's settings win over what is in it,
    so nothing in it can keep its state elsewhere.
    """

    uri: str
    """Where all of it is."""
    defaults: ApplicationDefaults
    """For `flink_application_defaults` of environments, and by `for_pools` for `compute_pool_defaults`."""
    ready: Output[list[str]]
    """The namespaces, known when credentials and claims are there."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        uri: str,
        namespaces: Sequence[str],
        checkpoints: str | None = None,
        savepoints: str | None = None,
        high_availability: bool = True,
        s3: S3 | None = None,
        gcs: Gcs | None = None,
        volume: Volume | None = None,
        configuration: Mapping[str, str] | None = None,
        protected: bool = True,
    ) -> None:
        """Describe a store.

        Args:
            resource_name: name in the Pulumi program, and of the Secrets and claims.
            opts: options of every Pulumi resource; its provider of `kubernetes` is the cluster.
            uri: where everything is, such as `s3://bucket/flink`, `gs://bucket/flink` or `file:///flink-state`.
            namespaces: namespaces of the environments that use it.
            checkpoints: directory of checkpoints. Default: `checkpoints` below `uri`.
            savepoints: directory of savepoints. Default: `savepoints` below `uri`.
            high_availability: keep what a new JobManager needs in `ha` below `uri` (E32).
            s3: how to reach an `s3://` store.
            gcs: how to reach a `gs://` store.
            volume: the volume of a `file://` store.
            configuration: more settings of Flink; they win.
            protected: refuse a store that does not outlive its pods or nodes. False is for development.

        Raises:
            ValueError: the parts do not fit each other, or state would be lost with a pod or a node (E34, E35).
        """
        where = f"StateStore '{resource_name}'"
        _check(where, uri, s3, gcs, volume)
        directories = {
            "state.backend.type": "rocksdb",
            "state.checkpoints.dir": checkpoints or f"{uri.rstrip('/')}/checkpoints",
            "state.savepoints.dir": savepoints or f"{uri.rstrip('/')}/savepoints",
        }
        if high_availability:
            directories |= {
                "high-availability.type": "kubernetes",
                "high-availability.storageDir": f"{uri.rstrip('/')}/ha",
            }
        settings = {**directories, **_access(s3), **(configuration or {})}
        pod = _pod(resource_name, s3, gcs, volume)
        if protected:
            spec: dict[str, Any] = {"flinkConfiguration": settings, "podTemplate": {"spec": pod}}
            told = advice(durable_state(where, spec), reachable_state(where, spec), availability_storage(where, spec))
            if told:
                raise ValueError(f"{told[0]} (protected=False allows it)")
        super().__init__("cmf:components:StateStore", resource_name, {}, opts)
        made = [
            resource
            for namespace in namespaces
            for resource in self._in_namespace(resource_name, namespace, s3, gcs, volume)
        ]
        self.uri = uri
        self.defaults = {"spec": {"flink_configuration": settings}}
        if pod:
            self.defaults = {"spec": {"flink_configuration": settings, "pod_template": {"spec": pod}}}
        self.ready = Output.all(*(each.id for each in made)).apply(lambda _: list(namespaces))
        self.register_outputs({"uri": uri, "ready": self.ready})

    def _in_namespace(
        self, name: str, namespace: str, s3: S3 | None, gcs: Gcs | None, volume: Volume | None
    ) -> list[pulumi.CustomResource]:
        """Make credentials and claim in one namespace."""
        metadata: Any = {"name": name, "namespace": namespace}
        here = pulumi.ResourceOptions(parent=self)
        secret = _secret(s3, gcs)
        if secret:
            return [Secret(f"{name}-{namespace}", metadata=metadata, string_data=secret, opts=here)]
        if volume and not (volume.get("claim") or volume.get("host_path")):
            storage: Any = {
                "access_modes": ["ReadWriteMany"],
                "storage_class_name": volume.get("storage_class"),
                "resources": {"requests": {"storage": volume.get("size") or "100Gi"}},
            }
            return [PersistentVolumeClaim(f"{name}-{namespace}", metadata=metadata, spec=storage, opts=here)]
        return []


def _check(where: str, uri: str, s3: S3 | None, gcs: Gcs | None, volume: Volume | None) -> None:
    scheme, separator, _ = uri.partition("://")
    if not separator or scheme not in _SCHEMES:
        raise ValueError(f"{where}: uri '{uri}' must begin with one of " + ", ".join(f"{each}://" for each in _SCHEMES))
    for given, name, schemes in ((s3, "s3", ("s3", "s3a")), (gcs, "gcs", ("gs",)), (volume, "volume", ("file",))):
        if given is not None and scheme not in schemes:
            raise ValueError(f"{where}: {name} is for {schemes[0]}:// addresses, and uri is '{uri}'")
    if s3 and ("access_key" in s3) != ("secret_key" in s3):
        raise ValueError(f"{where}: s3's access_key and secret_key go together: give both or none")


def _access(s3: S3 | None) -> dict[str, str]:
    """Return the settings by which Flink reaches a store that is not Amazon's; keys are not among them."""
    if not s3 or not s3.get("endpoint"):
        return {}
    return {"s3.endpoint": s3["endpoint"], "s3.path.style.access": str(s3.get("path_style", True)).lower()}


def _secret(s3: S3 | None, gcs: Gcs | None) -> dict[str, Input[str]]:
    if s3 and "secret_key" in s3:
        keys: dict[str, Input[str]] = {"access-key": s3["access_key"], "secret-key": Output.secret(s3["secret_key"])}
        return keys
    return {"key.json": Output.secret(gcs["key"])} if gcs and "key" in gcs else {}


def _pod(name: str, s3: S3 | None, gcs: Gcs | None, volume: Volume | None) -> dict[str, Any]:
    """Return what Flink's pods need beside the settings, as Kubernetes spells it."""
    environment: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    if s3 and "secret_key" in s3:
        for variable, key in (("AWS_ACCESS_KEY_ID", "access-key"), ("AWS_SECRET_ACCESS_KEY", "secret-key")):
            environment.append({"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}})
    if gcs and "key" in gcs:
        environment.append({"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": _GOOGLE_KEY})
        mounts.append({"name": _VOLUME, "mountPath": _GOOGLE_KEY.rpartition("/")[0], "readOnly": True})
        volumes.append({"name": _VOLUME, "secret": {"secretName": name}})
    plugin = (s3 or {}).get("plugin") or (gcs or {}).get("plugin")
    if plugin:
        environment.append({"name": "ENABLE_BUILT_IN_PLUGINS", "value": plugin})
    if volume:
        mounts.append({"name": _VOLUME, "mountPath": volume["mount_path"]})
        source = {"persistentVolumeClaim": {"claimName": volume.get("claim") or name}}
        if volume.get("host_path"):
            source = {"hostPath": {"path": volume["host_path"]}}
        volumes.append({"name": _VOLUME, **source})
    if not (environment or mounts):
        return {}
    container: dict[str, Any] = {"name": MAIN_CONTAINER}
    container |= {"env": environment} if environment else {}
    container |= {"volumeMounts": mounts} if mounts else {}
    return {"containers": [container], **({"volumes": volumes} if volumes else {})}
