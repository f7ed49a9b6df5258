"""Minio: an S3 store for development."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import Input, Output
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Namespace, PersistentVolumeClaim, Secret, Service

from pulumi_cmf_components.state_store import S3

_PORT = 9000


class Minio(pulumi.ComponentResource):
    """MinIO with one bucket, one pod and one volume: for development, because the volume is all there is of the state.

    ```python
    minio = Minio("minio", secret_key=config.require_secret("minio"))
    StateStore("state", uri=minio.uri, s3=minio.s3, namespaces=["flink"])
    ```
    """

    uri: str
    """The bucket, for `uri` of StateStore."""
    s3: S3
    """How to reach it, for `s3` of StateStore."""
    endpoint: Output[str]
    """Its address on the cluster, known when it is there."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        secret_key: Input[str],
        access_key: str = "flink",
        bucket: str = "flink",
        namespace: str = "minio",
        image: str = "minio/minio",
        size: str = "20Gi",
        storage_class: str | None = None,
    ) -> None:
        """Describe a store.

        Args:
            resource_name: name in the Pulumi program, and of everything in the namespace.
            opts: options of every Pulumi resource; its provider of `kubernetes` is the cluster.
            secret_key: password, of 8 characters or more. A secret.
            access_key: user.
            bucket: the bucket to make.
            namespace: namespace, which is made.
            image: image, best with a tag.
            size: size of the volume.
            storage_class: storage class of the volume. Default: the cluster's.
        """
        super().__init__("cmf:components:Minio", resource_name, {}, opts)
        place = Namespace(resource_name, metadata={"name": namespace}, opts=pulumi.ResourceOptions(parent=self))
        inside = pulumi.ResourceOptions(parent=self, depends_on=[place])
        metadata: Any = {"name": resource_name, "namespace": namespace}
        labels = {"app.kubernetes.io/name": resource_name}
        keys = Secret(
            resource_name,
            metadata=metadata,
            string_data={"user": access_key, "password": Output.secret(secret_key)},
            opts=inside,
        )
        storage: Any = {
            "access_modes": ["ReadWriteOnce"],
            "storage_class_name": storage_class,
            "resources": {"requests": {"storage": size}},
        }
        claim = PersistentVolumeClaim(resource_name, metadata=metadata, spec=storage, opts=inside)
        container = {
            "name": "minio",
            "image": image,
            # A folder on its only drive is a bucket.
            "command": ["sh", "-c", f"mkdir -p /data/{bucket} && exec minio server /data"],
            "env": [
                {
                    "name": f"MINIO_ROOT_{key.upper()}",
                    "value_from": {"secret_key_ref": {"name": resource_name, "key": key}},
                }
                for key in ("user", "password")
            ],
            "ports": [{"container_port": _PORT}],
            "readiness_probe": {"http_get": {"path": "/minio/health/ready", "port": _PORT}},
            "volume_mounts": [{"name": "data", "mount_path": "/data"}],
        }
        volume = {"name": "data", "persistent_volume_claim": {"claim_name": resource_name}}
        pods: Any = {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"match_labels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": [volume]}},
        }
        deployment = Deployment(
            resource_name,
            metadata=metadata,
            spec=pods,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[keys, claim]),
        )
        ports: Any = {"selector": labels, "ports": [{"port": _PORT, "target_port": _PORT}]}
        service = Service(resource_name, metadata=metadata, spec=ports, opts=inside)
        endpoint = f"http://{resource_name}.{namespace}.svc:{_PORT}"
        self.uri = f"s3://{bucket}"
        self.s3 = {"endpoint": endpoint, "path_style": True, "access_key": access_key, "secret_key": secret_key}
        self.endpoint = Output.all(deployment.id, service.id).apply(lambda _: endpoint)
        self.register_outputs({"endpoint": self.endpoint, "uri": self.uri})
