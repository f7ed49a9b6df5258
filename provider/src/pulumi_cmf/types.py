"""Nested inputs: what editors complete, type checkers check, previews refuse, and schema and pages are made from.

Typed dictionaries name what CMF 2.3 and the Flink Kubernetes Operator document; `args` has a class of the same
fields for each of them. Fields may be spelled as here or as CMF spells them (camelCase). `Mapping[str, Any]` is
Kubernetes' own structure or free-form, and stays as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

if TYPE_CHECKING:
    from pulumi import Input

UpgradeMode = Literal["stateless", "savepoint", "last-state"]
"""How a change keeps a job's state (E20): not at all, by a savepoint, or by its last checkpoint."""
JobState = Literal["running", "suspended"]
"""What a job is to do (E21)."""
FlinkVersion = Literal[
    "v1_13", "v1_14", "v1_15", "v1_16", "v1_17", "v1_18", "v1_19", "v1_20", "v2_0", "v2_1", "v2_2"
]  # fmt: skip
"""Versions of Flink that releases of the operator know; which of them a cluster takes, its operator says (FKO2)."""
DeploymentMode = Literal["native", "standalone"]
"""Who makes TaskManagers: Flink as jobs need them, or the operator as many as `replicas` says (P22-P25)."""
ImagePullPolicy = Literal["Always", "IfNotPresent", "Never"]
"""When Kubernetes pulls an image."""
PoolType = Literal["DEDICATED", "SHARED"]
"""A Flink cluster for each statement (P04), or one session cluster for all (P05)."""
PoolState = Literal["RUNNING", "SUSPENDED"]
"""What a SHARED pool is to be (P16, P17)."""
LifecycleState = Literal["ACTIVE", "DECOMMISSIONED"]
"""What a cluster is to be (C62)."""
SavepointFormat = Literal["CANONICAL", "NATIVE", "UNKNOWN"]
"""Readable by every state backend, or only by the one of the job."""

ENUM_RULES: Final[Mapping[Any, str]] = {UpgradeMode: "E20", JobState: "E21", FlinkVersion: "FKO2"}
"""Rules that say which values there are."""
GROWING: Final[Mapping[Any, str]] = {FlinkVersion: r"v\d+_\d+"}
"""Enums that newer releases add to: whatever has this form is left to the cluster's operator."""

ConfigurationValue = str | int | float | bool | Mapping[str, Any]
"""A value of Flink's or a client's configuration: sent as text. The operator reads nested maps too (1.12 or later)."""


class Timeouts(TypedDict, total=False):
    """Seconds that an operation may take, its waits included: more than 0, at most 86400."""

    create: Input[float]
    """Seconds of a create."""
    update: Input[float]
    """Seconds of an update."""
    delete: Input[float]
    """Seconds of a deletion."""


class FlinkResource(TypedDict, total=False):
    """CPU, memory and disk of each JobManager or TaskManager."""

    cpu: Input[float]
    """Cores, such as 0.5. Default: the operator's, usually 1."""
    memory: Input[str]
    """Memory of the process as Flink writes it, such as `2048m`, or as Kubernetes does, such as `2Gi` (FKO15, FKO16,
    FKO20, FKO21). Needed unless Flink's own memory options or the operator's defaults say it."""
    ephemeral_storage: Input[str]
    """Disk as Kubernetes writes it, such as `2Gi`. Default: no limit of its own."""


class FlinkManager(TypedDict, total=False):
    """JobManagers or TaskManagers."""

    resource: Input[FlinkResource]
    """What each of them is given."""
    resources: Input[Mapping[str, Any]]
    """Kubernetes' requests and limits in place of `resource`; only operators later than 1.14 know it."""
    replicas: Input[int]
    """How many, 1 or more. TaskManagers: only in mode `standalone` (P23, P25); default: as many as the parallelism
    needs. JobManagers: more than 1 needs high availability (FKO19); default 1."""
    pod_template: Input[Mapping[str, Any]]
    """Kubernetes pod template, as Kubernetes spells it; the container is `flink-main-container` (E17, E18)."""


class IngressTls(TypedDict, total=False):
    """TLS of an ingress."""

    hosts: Input[Sequence[Input[str]]]
    """Hosts that the certificate is for."""
    secret_name: Input[str]
    """Kubernetes Secret with the certificate, in the environment's namespace."""


class Ingress(TypedDict, total=False):
    """Ingress of the Flink web UI, made by the operator."""

    template: Input[str]
    """Address, such as `/{{namespace}}/{{name}}(/|$)(.*)` or `{{name}}.example.com`. Required in an ingress (FKO6)."""
    class_name: Input[str]
    """Kubernetes ingress class. Default: the cluster's."""
    annotations: Input[Mapping[str, Input[str]]]
    """Annotations of the Ingress object."""
    labels: Input[Mapping[str, Input[str]]]
    """Labels of the Ingress object."""
    tls: Input[Sequence[Input[IngressTls]]]
    """Certificates."""


class FlinkJob(TypedDict, total=False):
    """The job of an application."""

    jar_uri: Input[str]
    """Where the jar is, such as `local:///opt/flink/examples/streaming/StateMachineExample.jar`. Required (E19)."""
    entry_class: Input[str]
    """Class with the `main` method. Default: the one that the jar's manifest names."""
    args: Input[Sequence[Input[str]]]
    """Arguments of the `main` method."""
    parallelism: Input[int]
    """Parallel subtasks, 1 or more. Required unless `task_manager.replicas` says it (FKO14)."""
    state: Input[JobState]
    """Default: running (E21). `suspended` stops the job as `upgrade_mode` says."""
    upgrade_mode: Input[UpgradeMode]
    """How a change keeps the job's state (E20). Default: stateless. All others need `state.checkpoints.dir`, and
    `savepoint` also `state.savepoints.dir`, in the Flink configuration (E33, FKO8, FKO9)."""
    initial_savepoint_path: Input[str]
    """Savepoint that the job starts from when it is first deployed (E26)."""
    allow_non_restored_state: Input[bool]
    """Start although the savepoint holds state that the job does not have any more. Default: false."""
    savepoint_trigger_nonce: Input[int]
    """Any other number than before takes a savepoint (E25, FKO10); a `Savepoint` resource is the better way."""
    savepoint_redeploy_nonce: Input[int]
    """Any other number than before starts the job anew from `initial_savepoint_path` (FKO28)."""
    checkpoint_trigger_nonce: Input[int]
    """Any other number than before takes a checkpoint."""
    autoscaler_reset_nonce: Input[int]
    """Any other number than before makes the autoscaler forget what it measured; operator 1.11 or later."""


class FlinkClusterSpec(TypedDict, total=False):
    """A Flink cluster: the operator's FlinkDeploymentSpec less what CMF manages in pools (P07, P08)."""

    image: Input[str]
    """Image of all pods, such as `confluentinc/cp-flink:1.20-cp1`; in pools one based on cp-flink-sql (P12, P13)."""
    image_pull_policy: Input[ImagePullPolicy]
    """Default: Kubernetes', Always for the tag `latest` and IfNotPresent for others."""
    flink_version: Input[FlinkVersion]
    """Flink's version in the image, such as `v1_20`. Required, here or in the environment's defaults (FKO2)."""
    flink_configuration: Input[Mapping[str, Input[ConfigurationValue]]]
    """Flink's own keys, such as `taskmanager.numberOfTaskSlots`; values are taken as text."""
    mode: Input[DeploymentMode]
    """Default: native (P22). It cannot change on what is deployed (FKO26, FKO27)."""
    job_manager: Input[FlinkManager]
    """JobManagers."""
    task_manager: Input[FlinkManager]
    """TaskManagers."""
    pod_template: Input[Mapping[str, Any]]
    """Kubernetes pod template of all pods, as Kubernetes spells it, under those of the managers (E18)."""
    ingress: Input[Ingress]
    """Ingress of the Flink web UI. Default: none."""
    log_configuration: Input[Mapping[str, Input[str]]]
    """Texts of `log4j-console.properties` and `logback-console.xml`, under these names (FKO7)."""
    restart_nonce: Input[int]
    """Any other number than before restarts the cluster."""


class FlinkApplicationSpec(FlinkClusterSpec, total=False):
    """An application: a Flink cluster with its job, the operator's FlinkDeploymentSpec."""

    service_account: Input[str]
    """Kubernetes service account of the pods, in the environment's namespace. Default: flink."""
    job: Input[FlinkJob]
    """The job. Required (E19)."""


class ObjectMetadata(TypedDict, total=False):
    """Labels and annotations that an environment lays over those of what is in it."""

    labels: Input[Mapping[str, Input[str]]]
    """Labels."""
    annotations: Input[Mapping[str, Input[str]]]
    """Annotations, such as CMF's own that begin with `platform.confluent.io/`."""


class ApplicationDefaults(TypedDict, total=False):
    """What an environment lays over each of its applications; it wins, field by field (E03-E06, D17)."""

    metadata: Input[ObjectMetadata]
    """Labels and annotations."""
    spec: Input[FlinkApplicationSpec]
    """Any part of an application's specification."""


class PoolSpec(TypedDict, total=False):
    """Any part of a compute pool's specification."""

    cluster_spec: Input[FlinkClusterSpec]
    """Any part of the Flink clusters."""


class PoolDefaults(TypedDict, total=False):
    """What an environment lays over each of its compute pools; it wins, field by field (E03-E06, D17)."""

    metadata: Input[ObjectMetadata]
    """Labels and annotations."""
    spec: Input[PoolSpec]
    """Any part of a pool's specification."""


class StatementConfiguration(TypedDict, total=False):
    """What statements start from."""

    flink_configuration: Input[Mapping[str, Input[ConfigurationValue]]]
    """Flink's own keys; a statement's own configuration is laid under them."""


class StatementDefaults(TypedDict, total=False):
    """Defaults of the two sorts of statements."""

    detached: Input[StatementConfiguration]
    """Those that write into tables, and run until they are stopped."""
    interactive: Input[StatementConfiguration]
    """Those whose rows somebody reads."""


class Connection(TypedDict, total=False):
    """How to reach a Schema Registry or a Kafka cluster."""

    connection_config: Input[Mapping[str, Input[ConfigurationValue]]]
    """Client properties, such as `bootstrap.servers` or `schema.registry.url`, without credentials. Required."""
    connection_secret_id: Input[str]
    """Name of the environments' secret mappings that add the credentials (E37). Without a mapping of that name an
    environment does not see the catalog or database. Default: none are needed."""
