"""Credentials of the hub on a cluster: what is minted, and what is said if it is not."""

import base64
import threading
import time
from typing import Any

import pytest
import yaml
from cmf_localfleet.connection import connect
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from kubernetes.client import CertificatesV1Api
from pulumi_cmf_components import minting
from pulumi_cmf_components.certificates import AuthorityProvider
from pulumi_cmf_components.cluster import ClusterError
from pulumi_cmf_components.kubeconfig import KubeconfigProvider

from tests.support.hub import Spoke
from tests.support.wait import wait_for


def test_a_certificate_is_asked_for_approved_and_its_request_removed(fleet: dict[str, Spoke]) -> None:
    """The cluster's controller manager, which signs, is played here; with an authority of its own."""
    cluster = fleet["spoke"].cluster
    signer = threading.Thread(target=sign_one, args=(cluster.kubeconfig,), daemon=True)
    signer.start()
    minted = minting.certificate(cluster.kubeconfig.read_text(), "hub", 3600, server="https://cluster.example.com")
    signer.join()
    document = yaml.safe_load(minted.kubeconfig)
    assert document["clusters"][0]["cluster"]["server"] == "https://cluster.example.com"
    pem = base64.b64decode(document["users"][0]["user"]["client-certificate-data"])
    read = x509.load_pem_x509_certificate(pem)
    assert read.subject.rfc4514_string() == "CN=hub"
    key = serialization.load_pem_private_key(base64.b64decode(document["users"][0]["user"]["client-key-data"]), None)
    assert key.public_key() == read.public_key()
    assert minted.expires == read.not_valid_after_utc.timestamp()
    with connect(cluster.kubeconfig) as client:
        api: Any = CertificatesV1Api(client)
        assert api.list_certificate_signing_request().items == []


def sign_one(kubeconfig: Any) -> None:
    """Sign the one request that is approved."""
    made = AuthorityProvider().issue({"common_name": "signer", "lifetime_days": 1})
    authority = x509.load_pem_x509_certificate(made["certificate"].encode())
    key: Any = serialization.load_pem_private_key(made["key"].encode(), None)
    with connect(kubeconfig) as client:
        api: Any = CertificatesV1Api(client)

        def approved() -> list[Any]:
            return [one for one in api.list_certificate_signing_request().items if one.status.conditions]

        (found,) = wait_for(approved, "a request that is approved")
        request = x509.load_pem_x509_csr(base64.b64decode(found.spec.request))
        builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(authority.subject)
        builder = builder.public_key(request.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(authority.not_valid_before_utc)
        signed = builder.not_valid_after(authority.not_valid_after_utc).sign(key, hashes.SHA256())
        pem = base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()
        api.patch_certificate_signing_request_status(found.metadata.name, {"status": {"certificate": pem}})


def test_what_a_cluster_refuses_is_said(fleet: dict[str, Spoke]) -> None:
    admin = fleet["spoke"].cluster.kubeconfig.read_text()
    with pytest.raises(ClusterError, match=r"service account 'none/hub'.*404"):
        minting.token(admin, "none", "hub", 3600)
    with pytest.raises(ClusterError, match="no context 'None'"):
        minting._kubeconfig("{}", "hub", {}, None)
    with pytest.raises(ClusterError, match="the kubeconfig is no use"):
        minting.token("not: [a kubeconfig", "none", "hub", 3600)
    insecure = yaml.safe_load(admin)
    insecure["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    with pytest.raises(ClusterError, match="would trust any server"):
        minting._kubeconfig(yaml.safe_dump(insecure), "hub", {}, None)


def test_a_credential_is_renewed_in_the_second_half_of_its_life_and_not_before() -> None:
    provider, hour = KubeconfigProvider(), 3600

    def outputs(issued: float, expires: float) -> dict[str, Any]:
        now = time.time()
        text = {"issued": now + issued * hour, "expires": now + expires * hour}
        return {name: minting_text(moment) for name, moment in text.items()}

    assert provider.diff("id", outputs(-1, 2), {}).changes is False
    assert provider.diff("id", outputs(-2, 1), {}).changes is True
    assert provider.diff("id", outputs(-1, 2), {"rotate": "now"}).changes is True


def minting_text(moment: float) -> str:
    """Return a moment as the state has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment))
