"""A Flink fleet: a hub and its spokes, an environment on each, pools, an application and SQL statements.

Where CMF is: CMF_URL, or `pulumi config set cmf:url`. Where it looks for kubeconfigs: CMF_KUBECONFIG_DIRECTORY
or cmf:kubeconfigDirectory. Which spokes to register: SPOKE_KUBECONFIGS, as NAME=PATH,NAME=PATH.
"""

import os
from pathlib import Path
from typing import Any

import pulumi
from pulumi_cmf import (
    ComputePool,
    Environment,
    FlinkApplication,
    KafkaCatalog,
    KafkaDatabase,
    KubernetesCluster,
    Statement,
)
from pulumi_cmf.types import ApplicationDefaults, FlinkClusterSpec, PoolDefaults

config = pulumi.Config()
namespace = config.require("namespace")
state_uri = config.require("stateUri").rstrip("/")
task_managers = config.require_int("taskManagers")
task_slots = config.require_int("taskSlots")
force_delete = config.require_bool("forceDelete")


def spokes() -> dict[str, Path]:
    """Return the kubeconfig files of the spokes, by the names that they are registered with."""
    pairs = [pair.partition("=") for pair in os.environ.get("SPOKE_KUBECONFIGS", "").split(",") if pair]
    if not pairs or not all(name and path for name, _, path in pairs):
        raise pulumi.RunError(
            "SPOKE_KUBECONFIGS is not set: name the spokes, as in spoke-1=/path/one,spoke-2=/path/two"
        )
    return {name.strip(): Path(path.strip()) for name, _, path in pairs}


# What all jobs keep.
state: dict[str, Any] = {
    "state.backend.type": "rocksdb",
    "state.checkpoints.dir": f"{state_uri}/checkpoints",
    "state.savepoints.dir": f"{state_uri}/savepoints",
    "high-availability.type": "kubernetes",
    "high-availability.storageDir": f"{state_uri}/ha",
}
# What all Flink clusters share. An environment's settings win over those of an application or pool in it.
given: dict[str, Any] = config.require_object("flinkDefaults")
checkpoints: dict[str, Any] = {"execution.checkpointing.interval": config.require("checkpointInterval")}
defaults: Any = {**given, "flinkConfiguration": {**checkpoints, **given.get("flinkConfiguration", {})}}
application_defaults: ApplicationDefaults = {"metadata": {"labels": {"fleet": "example"}}, "spec": defaults}
pool_defaults: PoolDefaults = {"metadata": {"labels": {"fleet": "example"}}, "spec": {"cluster_spec": defaults}}

# The cluster that CMF runs on is registered already; the spokes are not.
clusters = {
    name: KubernetesCluster(name, kubeconfig=kubeconfig.read_text(), labels={"fleet": "example", "role": "spoke"})
    for name, kubeconfig in spokes().items()
}
hub = Environment(
    "fleet-hub",
    kubernetes_namespace=namespace,
    flink_application_defaults=application_defaults,
    compute_pool_defaults=pool_defaults,
    force_delete=force_delete,
)
spoke_environments = [
    Environment(
        f"fleet-{name}",
        kubernetes_cluster_name=cluster.name,
        kubernetes_namespace=namespace,
        flink_application_defaults=application_defaults,
        compute_pool_defaults=pool_defaults,
        force_delete=force_delete,
    )
    for name, cluster in clusters.items()
]

application = FlinkApplication(
    "state-machine",
    environment=spoke_environments[0].name,
    spec={
        "image": "flink:1.20",
        "flink_version": "v1_20",
        "flink_configuration": {**state, "taskmanager.numberOfTaskSlots": task_slots},
        "service_account": "flink",
        "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
        "task_manager": {"replicas": task_managers, "resource": {"cpu": task_slots, "memory": "2048m"}},
        "job": {
            "jar_uri": config.require("jarUri"),
            "args": config.require_object("jarArguments"),
            "parallelism": task_managers * task_slots,
            "upgrade_mode": "savepoint",
            "state": "running",
        },
    },
    force_delete=force_delete,
)

sql: FlinkClusterSpec = {
    "image": "confluentinc/cp-flink-sql:1.19-cp8",
    "flink_version": "v1_19",
    "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
}
# One session cluster for many small statements ...
shared_pool = ComputePool(
    "shared-pool",
    environment=hub.name,
    type="SHARED",
    cluster_spec={
        **sql,
        "mode": "standalone",
        "flink_configuration": {**state, "taskmanager.numberOfTaskSlots": 4},
        "task_manager": {
            "replicas": config.require_int("poolTaskManagers"),
            "resource": {"cpu": 4, "memory": "4096m"},
        },
    },
    force_delete=force_delete,
)
# ... and a cluster of its own for each statement that has to be left alone.
dedicated_pool = ComputePool(
    "dedicated-pool",
    environment=spoke_environments[-1].name,
    type="DEDICATED",
    cluster_spec={
        **sql,
        "flink_configuration": {**state, "taskmanager.numberOfTaskSlots": 1},
        "task_manager": {"resource": {"cpu": 1, "memory": "2048m"}},
    },
    force_delete=force_delete,
)

# Tables for the statements, of connectors of Flink that need no other system, in a catalog that all environments see.
# Only a shared pool has what makes tables, a SQL gateway; the stand-ins of `make up` have none.
create_tables = {
    "table-orders": """
        CREATE TABLE orders (user_id INT, amount INT) WITH (
            'connector' = 'datagen', 'rows-per-second' = '10',
            'fields.user_id.min' = '1', 'fields.user_id.max' = '100',
            'fields.amount.min' = '1', 'fields.amount.max' = '2000'
        )
    """,
    "table-orders-by-user": "CREATE TABLE orders_by_user (user_id INT, orders BIGINT) WITH ('connector' = 'blackhole')",
    "table-big-orders": "CREATE TABLE big_orders (user_id INT, amount INT) WITH ('connector' = 'blackhole')",
}
tables: list[Statement] = []
where: dict[str, pulumi.Input[str]] = {}
if config.require_bool("createTables"):
    catalog = KafkaCatalog("fleet", sr_instance={"connection_config": {}})
    database = KafkaDatabase(
        "shop", catalog=catalog.name, kafka_cluster={"connection_config": {}}, ddl_environments=[hub.name]
    )
    where = {"sql.current-catalog": catalog.name, "sql.current-database": database.name}
    tables = [
        Statement(
            name,
            environment=hub.name,
            compute_pool_name=shared_pool.name,
            statement=statement,
            properties=where,
            force_delete=force_delete,
        )
        for name, statement in create_tables.items()
    ]

statements = {
    "orders-by-user": Statement(
        "orders-by-user",
        environment=hub.name,
        compute_pool_name=shared_pool.name,
        statement="INSERT INTO orders_by_user SELECT user_id, COUNT(*) FROM orders GROUP BY user_id",
        properties=where,
        force_delete=force_delete,
        opts=pulumi.ResourceOptions(depends_on=tables),
    ),
    "big-orders": Statement(
        "big-orders",
        environment=spoke_environments[-1].name,
        compute_pool_name=dedicated_pool.name,
        statement="INSERT INTO big_orders SELECT * FROM orders WHERE amount > 1000",
        properties=where,
        parallelism=2,
        force_delete=force_delete,
        opts=pulumi.ResourceOptions(depends_on=tables),
    ),
}

pulumi.export("clusters", {name: cluster.state for name, cluster in clusters.items()})
pulumi.export("application", application.id)
pulumi.export("application_state", application.lifecycle_state)
pulumi.export("pools", [pool.id for pool in (shared_pool, dedicated_pool)])
pulumi.export("statements", {name: statement.phase for name, statement in statements.items()})
cmf = pulumi.Config("cmf").get("url") or os.environ.get("CMF_URL", "")
pulumi.export(
    "where_to_look",
    [
        f"{cmf}/cmf/api/v1/kubernetes-clusters",
        application.id.apply(lambda id_: f"{cmf}/cmf/api/v1/environments/{id_.replace('/', '/applications/')}"),
        f"kubectl --kubeconfig {next(iter(spokes().values()))} -n {namespace} get flinkdeployments,flinksessionjobs",
    ],
)
