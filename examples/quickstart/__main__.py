"""One job and one SQL statement in an environment. Where CMF is: CMF_URL, or `pulumi config set cmf:url`."""

import pulumi
import pulumi_cmf as cmf
from pulumi_cmf.types import FlinkManager

config = pulumi.Config()
job_manager: FlinkManager = {"resource": {"cpu": 0.5, "memory": "1024m"}}
task_manager: FlinkManager = {"resource": {"cpu": 1, "memory": "2048m"}}

environment = cmf.Environment(
    "quickstart",
    kubernetes_cluster_name=config.require("cluster"),
    kubernetes_namespace="flink",
)
job = cmf.FlinkApplication(
    "hello",
    environment=environment.name,
    spec={
        "image": "flink:1.20",
        "flink_version": "v1_20",
        "service_account": "flink",
        "job_manager": job_manager,
        "task_manager": task_manager,
        "job": {
            "jar_uri": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "parallelism": config.require_int("parallelism"),
            "upgrade_mode": "stateless",
        },
    },
)
pool = cmf.ComputePool(
    "hello-sql",
    environment=environment.name,
    type="DEDICATED",
    cluster_spec={
        "image": "confluentinc/cp-flink-sql:1.19-cp8",
        "flink_version": "v1_19",
        "job_manager": job_manager,
        "task_manager": task_manager,
    },
)
statement = cmf.Statement(
    "hello-big-orders",
    environment=environment.name,
    compute_pool_name=pool.name,
    statement="INSERT INTO big_orders SELECT * FROM orders WHERE amount > 1000",
)
pulumi.export("job", job.job_state)
pulumi.export("statement", statement.phase)
