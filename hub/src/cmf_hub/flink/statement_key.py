"""The key of an environment's scripts: how credentials get to a job without standing in its object.

A statement's script holds the credentials of its catalogs. It travels as an argument of the job, where whoever may
read the Flink objects can read it, and in the JobManager's REST API. So it is encrypted, with a key that is in a
Kubernetes Secret of the environment, mounted into JobManagers at `/opt/flink/statement-secret` (P11). A Secret with
the scripts themselves would not do for session clusters: Kubernetes takes a minute or more to show new entries to a
pod that runs. The hub does not keep the key.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

from cmf_core.errors import ServerError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.flink.manifests import key_secret
from cmf_hub.flink.marks import KIND_MARK, MANAGED_BY, MANAGER
from cmf_hub.flink.placement import ENVIRONMENT
from cmf_hub.store import Record

_ENTRY = "key"
_BYTES, _NONCE = 32, 12


async def ensure_key(connection: Connection, environment: Record) -> bytes:
    """Return the key of an environment, made now if there is none.

    Raises:
        ClusterUnavailable, KubernetesRefusal: the cluster did not answer, or does not let the hub.
        ServerError: somebody changed the Secret.
    """
    namespace, name = str(environment.document["kubernetesNamespace"]), key_secret(environment)
    data = await connection.secret(namespace, name)
    if data is None:
        fresh = base64.b64encode(base64.b64encode(os.urandom(_BYTES))).decode()
        try:
            labels = {MANAGED_BY: MANAGER, KIND_MARK: ENVIRONMENT}
            await connection.create_secret(namespace, name, {_ENTRY: fresh}, labels)
        except KubernetesRefusal as refusal:
            if refusal.code != 409:
                raise
        data = await connection.secret(namespace, name) or {}
    try:
        key = base64.b64decode(base64.b64decode(data[_ENTRY]))
        AESGCM(key)
    except (KeyError, ValueError):
        raise ServerError(
            f"Secret '{name}' in namespace '{namespace}' of Kubernetes cluster '{connection.cluster}' holds no key for "
            "statements any more: delete it, and the hub makes another; statements that run keep what they have"
        ) from None
    return key


def encrypted(statements: Sequence[str], key: bytes) -> str:
    """Return statements as the runner takes them: see `tools/sql-runner`."""
    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, "\0".join(statements).encode(), None)).decode()
