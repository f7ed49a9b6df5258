"""Nested inputs, for editors and type checkers. Fields may be spelled as here or as CMF spells them (camelCase).

Typed dictionaries name what CMF 2.3 and the Flink Kubernetes Operator document; `Mapping[str, Any]` is
Kubernetes' own or free-form, and stays as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from pulumi import Input


class Timeouts(TypedDict, total=False):
    """Seconds that an operation may take, its waits included."""

    create: Input[float]
    update: Input[float]
    delete: Input[float]


class FlinkResource(TypedDict, total=False):
    """CPU and memory of a JobManager or TaskManager."""

    cpu: Input[float]
    """Cores, such as 0.5."""
    memory: Input[str]
    """Memory as Flink writes it, such as `2048m`."""
    ephemeral_storage: Input[str]
    """Disk as Kubernetes writes it, such as `2Gi`."""


class FlinkManager(TypedDict, total=False):
    """JobManagers or TaskManagers."""

    resource: Input[FlinkResource]
    replicas: Input[int]
    """How many. TaskManagers: in mode `standalone` (P23, P25). JobManagers: more than 1 needs high availability."""
    pod_template: Input[Mapping[str, Any]]
    """Kubernetes pod template, as Kubernetes spells it; the container is `flink-main-container` (E17, E18)."""


class Ingress(TypedDict, total=False):
    """Ingress of the Flink web UI."""

    template: Input[str]
    class_name: Input[str]
    annotations: Input[Mapping[str, Input[str]]]
    labels: Input[Mapping[str, Input[str]]]


class FlinkJob(TypedDict, total=False):
    """The job of an application."""

    jar_uri: Input[str]
    """Where the jar is, such as `local:///opt/flink/examples/streaming/StateMachineExample.jar`. Required (E19)."""
    entry_class: Input[str]
    args: Input[Sequence[Input[str]]]
    parallelism: Input[int]
    state: Input[Literal["running", "suspended"]]
    """Default: running (E21)."""
    upgrade_mode: Input[Literal["stateless", "savepoint", "last-state"]]
    """How a change keeps the job's state (E20). All but stateless need state.checkpoints.dir (E33)."""
    initial_savepoint_path: Input[str]
    allow_non_restored_state: Input[bool]
    savepoint_trigger_nonce: Input[int]
    savepoint_redeploy_nonce: Input[int]
    checkpoint_trigger_nonce: Input[int]
    autoscaler_reset_nonce: Input[int]


class FlinkClusterSpec(TypedDict, total=False):
    """A Flink cluster: FlinkDeploymentSpec less what CMF manages in pools (P07, P08)."""

    image: Input[str]
    image_pull_policy: Input[str]
    flink_version: Input[str]
    """Such as `v1_20`."""
    flink_configuration: Input[Mapping[str, Input[str | int | float | bool]]]
    """Flink's own keys, such as `taskmanager.numberOfTaskSlots`; values are taken as text."""
    mode: Input[Literal["native", "standalone"]]
    """Default: native (P22)."""
    job_manager: Input[FlinkManager]
    task_manager: Input[FlinkManager]
    pod_template: Input[Mapping[str, Any]]
    """Kubernetes pod template of all pods, as Kubernetes spells it."""
    ingress: Input[Ingress]
    log_configuration: Input[Mapping[str, Input[str]]]
    restart_nonce: Input[int]


class FlinkApplicationSpec(FlinkClusterSpec, total=False):
    """An application: a Flink cluster with its job."""

    service_account: Input[str]
    """Default: flink."""
    job: Input[FlinkJob]


class ResourceDefaults(TypedDict, total=False):
    """What an environment lays over each of its applications or pools; it wins, field by field (E03-E06)."""

    metadata: Input[Mapping[str, Any]]
    spec: Input[Mapping[str, Any]]


class StatementConfiguration(TypedDict, total=False):
    """What statements start from."""

    flink_configuration: Input[Mapping[str, Input[str | int | float | bool]]]


class StatementDefaults(TypedDict, total=False):
    """Defaults of detached and of interactive statements."""

    detached: Input[StatementConfiguration]
    interactive: Input[StatementConfiguration]


class Connection(TypedDict, total=False):
    """How to reach a Schema Registry or a Kafka cluster."""

    connection_config: Input[Mapping[str, Input[str | int | float | bool]]]
    """Client properties, such as `bootstrap.servers` or `schema.registry.url`, without credentials. Required."""
    connection_secret_id: Input[str]
    """Name of the environments' secret mappings that add the credentials. Without a mapping of that name an
    environment does not see the catalog or database."""
