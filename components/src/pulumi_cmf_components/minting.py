"""Kubeconfigs for a hub: a bound token of a service account, or a client certificate, each with an end."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pulumi_cmf.lifecycle.waiting import Look, SystemClock, WaitFailed, wait_until

from pulumi_cmf_components.cluster import Cluster, ClusterError, connected
from pulumi_cmf_components.rights import Right

_REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SIGNER = "kubernetes.io/kube-apiserver-client"
_SIGNED_SECONDS, _RIGHTS_SECONDS = 60.0, 15.0


@dataclass(frozen=True)
class Minted:
    """A kubeconfig and its life.

    Attributes:
        kubeconfig: its text, self-contained. A secret.
        issued: when it was made, in seconds since 1970.
        expires: when its credential ends.
    """

    kubeconfig: str
    issued: float
    expires: float


def token(admin: str, namespace: str, account: str, seconds: int, server: str | None = None) -> Minted:
    """Mint a token of a service account (Kubernetes' TokenRequest); it ends early if the account is deleted.

    Args:
        admin: kubeconfig of somebody who may create `serviceaccounts/token`.
        namespace: namespace of the service account.
        account: its name.
        seconds: life to ask for; clusters may give less.
        server: address of the API server as the hub sees it. Default: that of `admin`.

    Raises:
        ClusterError: the cluster refused, or could not be reached.
    """
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    with connected(admin, f"mint a token of service account '{namespace}/{account}'") as cluster:
        made = cluster.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", body)["status"]
    text = _kubeconfig(admin, account, {"token": made["token"]}, server)
    expires = datetime.fromisoformat(made["expirationTimestamp"]).timestamp()
    return Minted(text, datetime.now(UTC).timestamp(), expires)


def certificate(admin: str, user: str, seconds: int, server: str | None = None) -> Minted:
    """Have the cluster sign a client certificate (Kubernetes' CertificateSigningRequest), and approve that.

    It cannot be taken back: its rights are taken away instead.

    Args:
        admin: kubeconfig of somebody who may create and approve certificate signing requests.
        user: the name in it, which roles are bound to.
        seconds: life to ask for; clusters may give less.
        server: as for `token`.

    Raises:
        ClusterError: the cluster refused, did not sign in time, or could not be reached.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    with connected(admin, f"have a certificate of user '{user}' signed") as cluster:
        signed = asyncio.run(_signed(cluster, user, request.public_bytes(serialization.Encoding.PEM), seconds))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    user_entry = {"client-certificate-data": _base64(signed), "client-key-data": _base64(pem)}
    read = x509.load_pem_x509_certificate(signed)
    text = _kubeconfig(admin, user, user_entry, server)
    return Minted(text, datetime.now(UTC).timestamp(), read.not_valid_after_utc.timestamp())


def missing(kubeconfig: str, rights: Mapping[str, tuple[Right, ...]], seconds: float = _RIGHTS_SECONDS) -> list[str]:
    """Return the rights that the user of a kubeconfig has not, as in `get pods in namespace 'flink'`.

    New roles take a moment to count, so what is missing at first is asked for again for a while.

    Args:
        kubeconfig: whose rights.
        rights: those that it should have, by namespace; an empty namespace stands for the whole cluster.
        seconds: how long to ask again.

    Raises:
        ClusterError: the cluster could not be reached.
    """
    wanted = [(namespace, single) for namespace, some in rights.items() for each in some for single in each.single()]
    with connected(kubeconfig, "ask what the hub may do") as cluster:

        async def look() -> Look:
            nonlocal wanted
            wanted = [(namespace, right) for namespace, right in wanted if not _allowed(cluster, namespace, right)]
            return Look(f"{len(wanted)} rights are missing", done=not wanted)

        with suppress(WaitFailed):  # what is still missing then is the answer
            asyncio.run(wait_until(look, "hub", "allowed", limit=seconds, clock=SystemClock(), progress=lambda _: None))
    return [f"{right} in " + (f"namespace '{place}'" if place else "all namespaces") for place, right in wanted]


async def _signed(cluster: Cluster, user: str, request: bytes, seconds: int) -> bytes:
    """Return the certificate in PEM; the request is removed again."""
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "cmf-hub-"},
        "spec": {
            "request": _base64(request),
            "signerName": _SIGNER,
            "expirationSeconds": seconds,
            "usages": ["client auth"],
        },
    }
    made, found = cluster.call("POST", _REQUESTS, body), b""
    path = f"{_REQUESTS}/{made['metadata']['name']}"
    try:
        approved = {"type": "Approved", "status": "True", "reason": "Pulumi", "message": "Approved for the hub"}
        cluster.call("PUT", f"{path}/approval", {**made, "status": {"conditions": [approved]}})

        async def look() -> Look:
            nonlocal found
            status = cluster.call("GET", path)["status"]
            found = base64.b64decode(status.get("certificate") or "")
            conditions = status.get("conditions") or []
            failed = next((c.get("message") for c in conditions if c["type"] in ("Failed", "Denied")), None)
            return Look(failed or "not signed yet", done=bool(found), hopeless=failed is not None)

        what = f"the certificate of user '{user}' (signer {_SIGNER})"
        await wait_until(look, what, "signed", limit=_SIGNED_SECONDS, clock=SystemClock(), progress=lambda _: None)
    except WaitFailed as failed:
        raise ClusterError(f"{failed}: some clusters sign none for clients, use a token there") from failed
    finally:
        cluster.call("DELETE", path)
    return found


def _allowed(cluster: Cluster, namespace: str, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {"group": right.group, "resource": resource, "subresource": subresource, "verb": right.verbs[0]}
    asked |= {"namespace": namespace, "name": right.name}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool(cluster.call("POST", _REVIEWS, body)["status"]["allowed"])


def _kubeconfig(admin: str, user: str, credential: Mapping[str, str], server: str | None) -> str:
    """Return a kubeconfig for the cluster of another, without anything that the hub refuses."""
    there = _cluster_entry(admin)
    if there.get("insecure-skip-tls-verify"):
        raise ClusterError(
            "the kubeconfig has insecure-skip-tls-verify, which would trust any server: give it the server's "
            "authority in certificate-authority-data"
        )
    cluster = {"server": server or there["server"]}
    authority = there.get("certificate-authority-data")
    if not authority and there.get("certificate-authority"):
        authority = _base64(Path(there["certificate-authority"]).read_bytes())
    if authority:
        cluster["certificate-authority-data"] = authority
    if there.get("tls-server-name"):
        cluster["tls-server-name"] = there["tls-server-name"]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": user, "user": dict(credential)}],
        "contexts": [{"name": "hub", "context": {"cluster": "cluster", "user": user}}],
        "current-context": "hub",
    }
    return yaml.safe_dump(document, sort_keys=False)


def _cluster_entry(admin: str) -> dict[str, Any]:
    document = yaml.safe_load(admin)
    context = _named(document, "contexts", "context", document.get("current-context"))
    return _named(document, "clusters", "cluster", context.get("cluster"))


def _named(document: Mapping[str, Any], plural: str, singular: str, name: object) -> dict[str, Any]:
    for entry in document.get(plural) or []:
        if entry.get("name") == name:
            return dict(entry.get(singular) or {})
    raise ClusterError(f"the kubeconfig has no {singular} '{name}': choose one with `kubectl config use-context`")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
