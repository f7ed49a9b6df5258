"""HubKubeconfig: the hub's credential for a cluster, minted at `pulumi up` and again in the second half of its life."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import pulumi
from pulumi import Input, Output, dynamic
from pulumi.runtime import rpc
from pulumi_cmf.dynamic.call import current_call

from pulumi_cmf_components import minting, rights
from pulumi_cmf_components.cluster import ClusterError

Credential = Literal["token", "certificate"]

_MINTED_OF = ("namespace", "account", "credential", "lifetime_seconds", "server", "rotate")
"""Inputs whose change makes a new credential; the administrator's kubeconfig is none."""
_INPUTS = (*_MINTED_OF, "admin_kubeconfig", "namespaces", "web_ui", "sql")


class KubeconfigProvider(dynamic.ResourceProvider):
    """Mints, checks and renews. Its objects have no attributes, so that the state names the class alone."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Tell whether inputs changed, or half of the credential's life is over."""
        changed = any(_olds.get(name) != _news.get(name) for name in _INPUTS)
        return dynamic.DiffResult(changes=changed or _ages(_olds))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Mint, and see that the hub has its rights."""
        return dynamic.CreateResult(f"{props['namespace']}/{props['account']}", self._minted(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Mint anew if it is time or what it is made of changed; see that the hub has its rights."""
        if _ages(_olds) or any(_olds.get(name) != _news.get(name) for name in _MINTED_OF):
            return dynamic.UpdateResult(self._minted(_news))
        self._check(_olds["kubeconfig"], _news)
        kept = {name: _olds[name] for name in ("kubeconfig", "issued", "expires")}
        return dynamic.UpdateResult(_wrapped({**_news, **kept}))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return what is known: nobody else keeps it."""
        return dynamic.ReadResult(id_, _wrapped(props))

    def _minted(self, given: Mapping[str, Any]) -> dict[str, Any]:
        admin, account, server = given["admin_kubeconfig"], given["account"], given.get("server")
        seconds = int(given["lifetime_seconds"])
        try:
            if given["credential"] == "certificate":
                made = minting.certificate(admin, account, seconds, server)
            else:
                made = minting.token(admin, given["namespace"], account, seconds, server)
        except ClusterError as error:
            current_call().fail(f"HubKubeconfig: {error}", error)
        self._check(made.kubeconfig, given)
        outputs = {"kubeconfig": made.kubeconfig, "issued": _text(made.issued), "expires": _text(made.expires)}
        return _wrapped({**given, **outputs})

    def _check(self, kubeconfig: str, given: Mapping[str, Any]) -> None:
        needed = rights.hub_in_namespace(given["web_ui"], sql=given["sql"])
        wanted = {"": rights.HUB_EVERYWHERE, **dict.fromkeys(given["namespaces"], needed)}
        try:
            lacking = minting.missing(kubeconfig, wanted)
        except ClusterError as error:
            current_call().fail(f"HubKubeconfig: {error}", error)
        if lacking:
            told = f"HubKubeconfig: the hub's user '{given['account']}' may not " + "; ".join(lacking)
            refused = ClusterError(f"{told}: grant it these rights, as the component HubAccess does")
            current_call().fail(str(refused), refused)


class HubKubeconfig(dynamic.Resource, module="cmf-components", name="HubKubeconfig"):
    """A kubeconfig by which the hub manages a cluster, with an end, and with the least rights that work.

    The first `pulumi up` in the second half of its life makes a new one. So run one often enough, by a schedule if
    need be; the old one stays good until its own end, and the hub takes the new one over without losing anything.
    """

    kubeconfig: Output[str]
    """Its text. A secret."""
    issued: Output[str]
    """When it was minted, RFC 3339."""
    expires: Output[str]
    """When it ends, RFC 3339."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        admin_kubeconfig: Input[str],
        namespace: str,
        account: str,
        namespaces: Sequence[str],
        credential: Credential = "token",
        lifetime_seconds: int = 30 * 24 * 3600,
        server: Input[str] | None = None,
        web_ui: rights.WebUi = "read-only",
        sql: bool = True,
        rotate: Input[str] | None = None,
    ) -> None:
        """Describe a kubeconfig.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            admin_kubeconfig: text of the kubeconfig of an administrator. Kept as a secret.
            namespace: namespace of the hub's service account there.
            account: its name; for a certificate, the name of the user.
            namespaces: those of environments, in which the hub's rights are looked at.
            credential: `token`, bound to the service account, or `certificate`, signed by the cluster.
            lifetime_seconds: life to ask for, 600 at least; many clusters give a day or two at most. Default: 30 days.
            server: address of the API server as the hub sees it. Default: that of `admin_kubeconfig`.
            web_ui: what of Flink's web UIs the hub passes on.
            sql: whether it plans and runs SQL on session clusters.
            rotate: any text; another one makes a new credential.
        """
        inputs = {
            "admin_kubeconfig": Output.secret(admin_kubeconfig),
            "namespace": namespace,
            "account": account,
            "namespaces": sorted(namespaces),
            "credential": credential,
            "lifetime_seconds": lifetime_seconds,
            "server": server,
            "web_ui": web_ui,
            "sql": sql,
            "rotate": rotate,
            "kubeconfig": None,
            "issued": None,
            "expires": None,
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["kubeconfig", "admin_kubeconfig"])
        super().__init__(KubeconfigProvider(), resource_name, inputs, pulumi.ResourceOptions.merge(opts, secret))


def _ages(outputs: Mapping[str, Any]) -> bool:
    """Tell whether the second half of a credential's life has begun."""
    issued, expires = (datetime.fromisoformat(outputs[name]).timestamp() for name in ("issued", "expires"))
    return time.time() > (issued + expires) / 2


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _wrapped(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs whose secrets stay so: the engine hands them over unwrapped."""
    secret = ("kubeconfig", "admin_kubeconfig")
    return {name: rpc.wrap_rpc_secret(value) if name in secret else value for name, value in outputs.items()}
