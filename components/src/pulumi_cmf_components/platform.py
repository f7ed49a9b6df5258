"""FlinkPlatform: a hub, its spokes, storage of state, environments, pools and a smoke test, from one description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input, Output
from pulumi_cmf import ComputePool, Environment, FlinkApplication
from pulumi_cmf.types import ApplicationDefaults, FlinkApplicationSpec, FlinkClusterSpec

from pulumi_cmf_components.defaults import combined, for_pools
from pulumi_cmf_components.flink_tls import FlinkTls
from pulumi_cmf_components.kubeconfig import Credential
from pulumi_cmf_components.spoke import Operator, Spoke
from pulumi_cmf_components.state_store import S3, Gcs, StateStore, Volume

SMOKE_TEST = "smoke-test"


class State(TypedDict, total=False):
    """Where state is kept: the arguments of StateStore."""

    uri: Required[str]
    checkpoints: str
    savepoints: str
    high_availability: bool
    s3: S3
    gcs: Gcs
    volume: Volume
    protected: bool


class PlatformEnvironment(TypedDict, total=False):
    """An environment on a spoke, with its default pool."""

    namespace: str
    """Its namespace. Default: the environment's name."""
    defaults: ApplicationDefaults
    """Laid over the platform's for its applications and pools."""
    pool: FlinkClusterSpec | Mapping[str, Any] | None
    """Flink cluster of its default pool. Default: the platform's; None for no pool."""
    labels: Mapping[str, str]


class PlatformSpoke(TypedDict, total=False):
    """A cluster of the platform. What is left out is as for the platform."""

    kubeconfig: Required[Input[str]]
    """Text of an administrator's kubeconfig. A secret."""
    environments: Required[Mapping[str, PlatformEnvironment]]
    """Environments by their names at the hub, where each name is there once."""
    state: State
    operator: Operator | None
    server: str
    """Address of the API server as the hub sees it."""
    credential: Credential
    rotate: str
    labels: Mapping[str, str]


class FlinkPlatform(pulumi.ComponentResource):
    """N clusters from one description: a cluster more or less is one entry more or less, and touches no other.

    On each cluster, in this order: operator, namespaces and accounts, the hub's credential, its registration, storage
    of state, environments, default pools, and a small application that must run before the platform counts as up.
    All is removed the other way round.
    """

    spokes: dict[str, Spoke]
    """The clusters by name."""
    environments: dict[str, Environment]
    """The environments by name."""
    pools: dict[str, ComputePool]
    """The default pools by the name of their environment."""
    states: Output[dict[str, str | None]]
    """The state of each cluster at the hub."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        spokes: Mapping[str, PlatformSpoke],
        operator: Operator | None = None,
        state: State | None = None,
        pool: FlinkClusterSpec | Mapping[str, Any] | None = None,
        smoke_test: FlinkApplicationSpec | Mapping[str, Any] | None = None,
        defaults: ApplicationDefaults | None = None,
        internal_tls: bool = False,
        hub: Sequence[pulumi.Resource] = (),
    ) -> None:
        """Describe a platform.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource; a provider of `cmf` in it is the hub.
            spokes: the clusters, by the names that the hub knows them by.
            operator: the operator of every cluster; None where somebody else installs it.
            state: where every cluster keeps state. A spoke may have a store of its own.
            pool: Flink cluster of every environment's default pool, `NAME-default`, of type DEDICATED.
            smoke_test: an application that must run on every cluster, in its first environment.
            defaults: defaults of all environments, for applications and pools.
            internal_tls: TLS between Flink's own processes, by a key that those of a cluster share (FlinkTls).
            hub: what must be there before the first cluster is registered, such as the component Hub.

        Raises:
            ValueError: an environment is there twice, or has nowhere to keep state.
        """
        _check(resource_name, spokes, state)
        super().__init__("cmf:components:FlinkPlatform", resource_name, {}, opts)
        self._common = (operator, state, pool, defaults, internal_tls)
        self.spokes, self.environments, self.pools = {}, {}, {}
        for name, spoke in spokes.items():
            self._add(name, spoke, smoke_test, hub)
        self.states = Output.all(**{name: spoke.state for name, spoke in self.spokes.items()}).apply(dict)
        self.register_outputs({"states": self.states})

    def _add(
        self,
        name: str,
        given: PlatformSpoke,
        smoke_test: FlinkApplicationSpec | Mapping[str, Any] | None,
        hub: Sequence[pulumi.Resource],
    ) -> None:
        """Make everything of one cluster; nothing of it depends on another cluster."""
        operator, state, pool, defaults, internal_tls = self._common
        namespaces = {env: each.get("namespace", env) for env, each in given["environments"].items()}
        places = sorted(set(namespaces.values()))
        spoke = self.spokes[name] = Spoke(
            name,
            pulumi.ResourceOptions(parent=self, depends_on=list(hub)),
            kubeconfig=given["kubeconfig"],
            namespaces=places,
            operator=given.get("operator", operator),
            server=given.get("server"),
            credential=given.get("credential", "token"),
            rotate=given.get("rotate"),
            labels=given.get("labels"),
        )
        chosen = given.get("state", state)
        assert chosen is not None, "checked before"
        there = pulumi.ResourceOptions(parent=self, providers=[spoke.kubernetes], depends_on=[spoke])
        store = StateStore(f"{name}-state", there, namespaces=places, **chosen)
        keys = [FlinkTls(f"{name}-tls", there, namespaces=places)] if internal_tls else []
        last: pulumi.Resource = spoke
        for env, each in given["environments"].items():
            laid: Any = combined(store.defaults, *(key.defaults for key in keys), defaults, each.get("defaults"))
            environment = self.environments[env] = Environment(
                env,
                pulumi.ResourceOptions(parent=self, depends_on=[store, *keys]),
                kubernetes_cluster_name=spoke.name,
                kubernetes_namespace=spoke.namespaces[namespaces[env]],
                flink_application_defaults=laid,
                compute_pool_defaults=for_pools(laid),
                labels=each.get("labels"),
            )
            last = environment if last is spoke else last
            cluster_spec: Any = each.get("pool", pool)
            if cluster_spec is not None:
                self.pools[env] = ComputePool(
                    f"{env}-default",
                    pulumi.ResourceOptions(parent=self),
                    environment=environment.name,
                    type="DEDICATED",
                    cluster_spec=cluster_spec,
                )
        if smoke_test is not None and isinstance(last, Environment):
            application: Any = smoke_test
            FlinkApplication(
                f"{name}-{SMOKE_TEST}",
                pulumi.ResourceOptions(parent=self),
                name=SMOKE_TEST,
                environment=last.name,
                spec=application,
            )


def _check(name: str, spokes: Mapping[str, PlatformSpoke], state: State | None) -> None:
    seen: dict[str, str] = {}
    for spoke, given in spokes.items():
        if "state" not in given and state is None:
            raise ValueError(f"FlinkPlatform '{name}': spoke '{spoke}' has nowhere to keep state: give it `state`")
        for environment in given["environments"]:
            if environment in seen:
                places = f"on '{seen[environment]}' and on '{spoke}'"
                raise ValueError(
                    f"FlinkPlatform '{name}': environment '{environment}' is {places}: the hub knows each name once, "
                    "rename one"
                )
            seen[environment] = spoke
