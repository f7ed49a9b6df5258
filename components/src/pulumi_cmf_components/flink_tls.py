"""TLS between Flink's own processes, by defaults of environments and a key that the processes of a cluster share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output
from pulumi_kubernetes.core.v1 import Secret

from pulumi_cmf_components.certificates import STORE_PASSWORD, Certificate, CertificateAuthority

_STORE = "flink-tls"


class FlinkTls(pulumi.ComponentResource):
    """A key for the processes of Flink on a cluster, a Secret of it in each namespace, and the defaults that use it.

    It lives ten years; the first `pulumi up` in their second half makes another one, and every job has to restart then
    (`restart_nonce`), since a process reads its key when it starts.
    """

    defaults: dict[str, Any]
    """Defaults of environments, for applications."""
    ready: Output[list[str]]
    """The namespaces, known when the Secret is there."""

    def __init__(
        self, resource_name: str, opts: pulumi.ResourceOptions | None = None, *, namespaces: Sequence[str]
    ) -> None:
        """Describe a key.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource; the provider of `kubernetes` in it is the cluster.
            namespaces: those of environments.
        """
        super().__init__("cmf:components:FlinkTls", resource_name, {}, opts)
        here = pulumi.ResourceOptions(parent=self)
        authority = CertificateAuthority(f"{resource_name}-authority", here, common_name=f"{resource_name} authority")
        own = Certificate(resource_name, here, authority=authority, common_name="flink", lifetime_days=3650)
        made = [
            Secret(
                f"{resource_name}-{namespace}",
                metadata={"name": _STORE, "namespace": namespace},
                data={"keystore.p12": own.keystore},
                opts=here,
            )
            for namespace in namespaces
        ]
        self.defaults = internal_tls(_STORE)
        self.ready = Output.all(*(each.id for each in made)).apply(lambda _: list(namespaces))
        self.register_outputs({"ready": self.ready})


def internal_tls(store: str, path: str = "/etc/flink-tls") -> dict[str, Any]:
    """Return environment defaults that switch on TLS between Flink's own processes.

    Args:
        store: Secret in the environment's namespace with `keystore.p12`, which all pods share as key and as trust.
        path: folder at which it is mounted.
    """
    file = f"{path}/keystore.p12"
    configuration: Mapping[str, Input[str]] = {
        "security.ssl.internal.enabled": "true",
        "security.ssl.internal.keystore": file,
        "security.ssl.internal.keystore-type": "PKCS12",
        "security.ssl.internal.keystore-password": STORE_PASSWORD,
        "security.ssl.internal.key-password": STORE_PASSWORD,
        "security.ssl.internal.truststore": file,
        "security.ssl.internal.truststore-type": "PKCS12",
        "security.ssl.internal.truststore-password": STORE_PASSWORD,
    }
    mount = {"name": "flink-tls", "mountPath": path, "readOnly": True}
    pod = {
        "containers": [{"name": "flink-main-container", "volumeMounts": [mount]}],
        "volumes": [{"name": "flink-tls", "secret": {"secretName": store}}],
    }
    return {"spec": {"flink_configuration": configuration, "pod_template": {"spec": pod}}}
