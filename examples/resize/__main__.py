"""A job and a shared pool whose sizes are configuration. Where CMF is: CMF_URL, or `pulumi config set cmf:url`."""

from typing import Any

import pulumi
import pulumi_cmf as cmf

config = pulumi.Config()
task_managers, task_slots = config.require_int("taskManagers"), config.require_int("taskSlots")

state: dict[str, Any] = {
    "state.checkpoints.dir": "s3://flink-state/checkpoints",
    "state.savepoints.dir": "s3://flink-state/savepoints",
    "high-availability.type": "kubernetes",
    "high-availability.storageDir": "s3://flink-state/ha",
}
environment = cmf.Environment(
    "resize",
    kubernetes_namespace="flink",
    flink_application_defaults={"spec": {"flink_configuration": state}},
    compute_pool_defaults={"spec": {"cluster_spec": {"flink_configuration": state}}},
)
job = cmf.FlinkApplication(
    "resized",
    environment=environment.name,
    spec={
        "image": "flink:1.20",
        "flink_version": "v1_20",
        "service_account": "flink",
        "flink_configuration": {"taskmanager.numberOfTaskSlots": task_slots},
        "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
        "task_manager": {
            "replicas": task_managers,
            "resource": {"cpu": task_slots, "memory": config.require("memory")},
        },
        "job": {
            "jar_uri": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "parallelism": task_managers * task_slots,
            "upgrade_mode": "savepoint",
            "state": "running",
        },
    },
)
pool = cmf.ComputePool(
    "resized-pool",
    environment=environment.name,
    type="SHARED",
    cluster_spec={
        "image": "confluentinc/cp-flink-sql:1.19-cp8",
        "flink_version": "v1_19",
        "mode": "standalone",
        "flink_configuration": {"taskmanager.numberOfTaskSlots": 2},
        "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
        "task_manager": {
            "replicas": config.require_int("poolTaskManagers"),
            "resource": {"cpu": 2, "memory": "4096m"},
        },
    },
)
cmf.Statement(
    "orders-per-user",
    environment=environment.name,
    compute_pool_name=pool.name,
    statement="INSERT INTO orders_per_user SELECT user_id, COUNT(*) FROM orders GROUP BY user_id",
)
pulumi.export("job", job.job_state)
