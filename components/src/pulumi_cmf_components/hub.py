"""Hub: a manager of Flink fleets on Kubernetes, this project's or Confluent's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

import pulumi
from pulumi import Input, Output
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret, Service, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from pulumi_cmf_components import confluent_manager, open_hub
from pulumi_cmf_components import security as rules_of_security
from pulumi_cmf_components.certificates import STORE_PASSWORD, Certificate, CertificateAuthority
from pulumi_cmf_components.charts import Chart
from pulumi_cmf_components.hub_access import HubAccess
from pulumi_cmf_components.rights import WebUi
from pulumi_cmf_components.security import ROLES_FILE, CertManager, Given, Security

SERVICE = "cmf-service"
"""Name of the Service, which Confluent's chart has too."""
_PORT = 8080


class Storage(TypedDict, total=False):
    """The volume of the database (SQLite, so not on NFS)."""

    size: str
    """Default: 10Gi."""
    storage_class: str
    """Default: the cluster's."""


class Hub(pulumi.ComponentResource):
    """A hub on a cluster: `distribution` says whose, and nothing else of a stack changes with it.

    Either has one pod, a volume or an external database, a Secret with the kubeconfigs of spokes, and the Service
    `cmf-service`.
    """

    url: Output[str]
    """Its address on the cluster, known when everything of it is there."""
    kubeconfig_secret: Output[str]
    """NAMESPACE/NAME of the Secret that holds kubeconfigs: for the provider's `cmf:kubeconfigSecret`."""
    authority: Output[str] | None
    """The authority of its certificate in PEM, with `certificates="development"`: for `cmf:ca`."""
    client_certificate: Output[str] | None
    """A super user's certificate and key in PEM, with `development` and `mtls`: for `cmf:clientCertificate`."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        distribution: Literal["open", "confluent"] = "open",
        image: str | None = None,
        chart: Chart | None = None,
        namespace: str = "cmf",
        create_namespace: bool = True,
        environments: Sequence[str] = (),
        storage: Storage | None = None,
        database: Mapping[str, Any] | None = None,
        database_url: Input[str] | None = None,
        encryption_key: Input[str] | None = None,
        security: Security | None = None,
        settings: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        resources: Mapping[str, Mapping[str, str]] | None = None,
        web_ui: WebUi = "read-only",
        allow_from: Sequence[Mapping[str, Any]] | None = None,
        disruption_budget: bool = False,
        service_monitor: bool = False,
    ) -> None:
        """Describe a hub.

        Args:
            resource_name: name in the Pulumi program, and of the hub's objects.
            opts: options of every Pulumi resource; its provider of `kubernetes` is the hub's cluster.
            distribution: `open`, this project's hub, or `confluent`, Confluent's CMF by its chart.
            image: image of the open hub (docs/components.md says how to make it).
            chart: chart of Confluent's CMF.
            namespace: where it runs.
            create_namespace: make that namespace.
            environments: namespaces of environments on the hub's own cluster (`default-k8s-cluster`), which must exist.
            storage: the volume of its database.
            database_url: address of a PostgreSQL database, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, which the
                open hub has instead of a volume. A secret.
            database: an external database, as the value `cmf.database` of Confluent's chart has it; Confluent only.
            encryption_key: 16 or 32 random bytes in base64, which encrypt secrets. Who loses it loses those. A secret.
            security: TLS, who callers are, and what they may do. Default: none of it, as in CMF.
            settings: more settings of the open hub, by environment variable (docs/settings.md); they win.
            values: more values of Confluent's chart; they win.
            resources: requests and limits of the pod.
            web_ui: what of Flink's web UIs it passes on.
            allow_from: who may connect, as NetworkPolicy has it (`from`). Default: everybody.
            disruption_budget: no drain evicts its one pod: whoever empties its node deletes it by hand.
            service_monitor: let a Prometheus Operator read its metrics.

        Raises:
            ValueError: arguments that do not go together.
        """
        where = f"Hub '{resource_name}'"
        _check(where, distribution, image, chart, database, security)
        _check_storage(where, distribution, storage, database_url)
        super().__init__("cmf:components:Hub", resource_name, {}, opts)
        self.authority = self.client_certificate = None
        self._name, self._namespace = resource_name, namespace
        self._inside = pulumi.ResourceOptions(parent=self)
        if create_namespace:
            place = Namespace(resource_name, metadata={"name": namespace}, opts=self._inside)
            self._inside = pulumi.ResourceOptions(parent=self, depends_on=[place])
        needed: list[pulumi.Resource] = self._secrets(encryption_key, database_url, security)
        if environments:
            needed.append(self._access(environments, web_ui))
        more: dict[str, str] = {"CMF_FLINK_WEB_UI": web_ui, **(settings or {})}
        parts = open_hub.Parts(
            name=resource_name,
            namespace=namespace,
            kubeconfigs=f"{resource_name}-kubeconfigs",
            encryption=f"{resource_name}-encryption" if encryption_key is not None else None,
            database=f"{resource_name}-database" if database_url is not None else None,
            tls=_tls_secret(resource_name, security),
            roles=f"{resource_name}-roles" if security and security.get("role_bindings") else None,
            storage={"size": "10Gi", **(storage or {})},
            resources=resources,
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=needed)
        made: pulumi.CustomResource
        if distribution == "open":
            made = open_hub.workload(parts, str(image), security, more, after)
            service: Any = {
                "selector": open_hub.labels(resource_name),
                "ports": [{"name": "http", "port": 80, "target_port": _PORT}],
            }
            Service(resource_name, metadata=self._metadata(SERVICE), spec=service, opts=self._inside)
        else:
            assert chart is not None
            made = confluent_manager.installed(parts, chart, security, database, values or {}, after)
        self._around(distribution, allow_from, security, budget=disruption_budget, monitor=service_monitor)
        scheme = "https" if security else "http"
        self.url = made.id.apply(lambda _: f"{scheme}://{SERVICE}.{namespace}.svc:80")
        self.kubeconfig_secret = made.id.apply(lambda _: f"{namespace}/{parts.kubeconfigs}")
        self.register_outputs({"url": self.url, "kubeconfig_secret": self.kubeconfig_secret})

    def _metadata(self, name: str) -> Any:
        return {"name": name, "namespace": self._namespace}

    def _access(self, environments: Sequence[str], web_ui: WebUi) -> pulumi.Resource:
        """Let the hub manage its own cluster."""
        return HubAccess(
            self._name,
            self._inside,
            subject={"kind": "ServiceAccount", "name": self._name, "namespace": self._namespace},
            namespaces=environments,
            role_name=self._name,
            web_ui=web_ui,
        )

    def _secrets(
        self, encryption_key: Input[str] | None, database_url: Input[str] | None, given: Security | None
    ) -> list[pulumi.Resource]:
        """Make service account, Secrets and role bindings."""
        name, made = self._name, list[pulumi.Resource]()
        made.append(ServiceAccount(name, metadata=self._metadata(name), opts=self._inside))
        # Its keys are the spokes' kubeconfigs, which the provider puts there one by one.
        keys_stay = pulumi.ResourceOptions(ignore_changes=["data", "stringData"])
        made.append(
            Secret(
                f"{name}-kubeconfigs",
                metadata=self._metadata(f"{name}-kubeconfigs"),
                opts=pulumi.ResourceOptions.merge(self._inside, keys_stay),
            )
        )
        if encryption_key is not None:
            made.append(self._secret("encryption", {"key": Output.secret(encryption_key)}))
        if database_url is not None:
            made.append(self._secret("database", {"url": Output.secret(database_url)}))
        if given is None:
            return made
        if given.get("role_bindings"):
            metadata = self._metadata(f"{name}-roles")
            data = {ROLES_FILE: rules_of_security.roles(given["role_bindings"])}
            made.append(ConfigMap(f"{name}-roles", metadata=metadata, data=data, opts=self._inside))
        if given["certificates"] == "development":
            made.append(self._development(given))
        elif "issuer" in given["certificates"]:
            made += self._cert_manager(given, cast(CertManager, given["certificates"]))
        return made

    def _development(self, given: Security) -> Secret:
        """Make an authority in the stack, the hub's certificate, and a super user's."""
        name, here = self._name, pulumi.ResourceOptions(parent=self)
        authority = CertificateAuthority(f"{name}-authority", here, common_name=f"{name} authority")
        hosts = self._hosts(given)
        own = Certificate(f"{name}-certificate", here, authority=authority, common_name=SERVICE, hosts=hosts)
        self.authority = authority.certificate
        if given.get("mtls"):
            user = next((user.partition(":")[2] for user in given.get("super_users", ())), "pulumi")
            shown = Certificate(f"{name}-client", here, authority=authority, common_name=user)
            self.client_certificate = Output.secret(Output.concat(shown.key, shown.certificate))
        stores = Output.all(own.keystore, authority.truststore).apply(
            lambda made: {"keystore.p12": made[0], "truststore.p12": made[1]}
        )
        text = {"tls.crt": own.certificate, "tls.key": own.key, "ca.crt": authority.certificate}
        return self._secret("tls", text, Output.secret(stores))

    def _cert_manager(self, given: Security, issuer: CertManager) -> list[pulumi.Resource]:
        """Ask cert-manager for the hub's certificate, in a form for Java too."""
        name = f"{self._name}-tls"
        password = self._secret("tls-store", {"password": STORE_PASSWORD})
        spec = {
            "secretName": name,
            "commonName": SERVICE,
            "dnsNames": self._hosts(given),
            "issuerRef": {"name": issuer["issuer"], "kind": issuer.get("kind", "ClusterIssuer")},
            "keystores": {
                "pkcs12": {"create": True, "passwordSecretRef": {"name": f"{name}-store", "key": "password"}}
            },
        }
        certificate = CustomResource(
            name,
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=self._metadata(name),
            spec=spec,
            opts=pulumi.ResourceOptions.merge(self._inside, pulumi.ResourceOptions(depends_on=[password])),
        )
        return [password, certificate]

    def _around(
        self,
        distribution: str,
        allow_from: Sequence[Mapping[str, Any]] | None,
        given: Security | None,
        *,
        budget: bool,
        monitor: bool,
    ) -> None:
        """Make what stands around the hub and is not in the way of its start."""
        name, chosen = self._name, {"match_labels": _pod_labels(distribution, self._name)}
        if allow_from is not None:
            policy: Any = {
                "pod_selector": chosen,
                "policy_types": ["Ingress"],
                "ingress": [{"from_": list(allow_from), "ports": [{"port": _PORT}]}],
            }
            NetworkPolicy(name, metadata=self._metadata(name), spec=policy, opts=self._inside)
        if budget:
            limit: Any = {"min_available": 1, "selector": chosen}
            PodDisruptionBudget(name, metadata=self._metadata(name), spec=limit, opts=self._inside)
        if monitor:
            endpoint: dict[str, Any] = {"port": "http", "path": "/metrics", "scheme": "https" if given else "http"}
            CustomResource(
                f"{name}-monitor",
                api_version="monitoring.coreos.com/v1",
                kind="ServiceMonitor",
                metadata=self._metadata(name),
                spec={
                    "endpoints": [endpoint],
                    "namespaceSelector": {"matchNames": [self._namespace]},
                    "selector": {},
                },
                opts=self._inside,
            )

    def _secret(
        self, part: str, text: Mapping[str, Input[str]], data: Input[Mapping[str, str]] | None = None
    ) -> Secret:
        name = f"{self._name}-{part}"
        return Secret(name, metadata=self._metadata(name), string_data=text, data=data, opts=self._inside)

    def _hosts(self, given: Security) -> list[str]:
        names = [SERVICE, f"{SERVICE}.{self._namespace}", f"{SERVICE}.{self._namespace}.svc", "localhost"]
        return [*names, *given.get("hosts", ())]


def _check(
    where: str,
    distribution: str,
    image: str | None,
    chart: Chart | None,
    database: Mapping[str, Any] | None,
    given: Security | None,
) -> None:
    if distribution == "open" and (image is None or chart is not None or database is not None):
        raise ValueError(f"{where}: the open hub needs `image`; `chart` and `database` are Confluent's")
    if distribution == "confluent" and (chart is None or image is not None):
        raise ValueError(f"{where}: Confluent's CMF needs `chart`, whose values choose its image")
    if given is None:
        return
    rules_of_security.check(where, given)
    if distribution == "confluent" and (given.get("role_bindings") or given.get("super_users")):
        raise ValueError(
            f"{where}: Confluent's CMF has roles in its metadata service: leave role_bindings and super_users out, and "
            "set cmf.authorization in values"
        )


def _check_storage(where: str, distribution: str, storage: Storage | None, database_url: Input[str] | None) -> None:
    if database_url is not None and (distribution != "open" or storage is not None):
        raise ValueError(f"{where}: `database_url` is the open hub's, and takes the place of `storage`")


def _tls_secret(name: str, given: Security | None) -> str | None:
    if given is None:
        return None
    certificates = given["certificates"]
    if isinstance(certificates, Mapping) and "secret" in certificates:
        return cast(Given, certificates)["secret"]
    return f"{name}-tls"


def _pod_labels(distribution: str, name: str) -> dict[str, str]:
    return open_hub.labels(name) if distribution == "open" else confluent_manager.LABELS
