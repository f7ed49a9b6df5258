"""What somebody else made in CMF, taken over as it is. Where CMF is: CMF_URL, or `pulumi config set cmf:url`."""

import pulumi
import pulumi_cmf as cmf
from pulumi_cmf.types import FlinkManager

job_manager: FlinkManager = {"resource": {"cpu": 0.5, "memory": "1024m"}}
task_manager: FlinkManager = {"resource": {"cpu": 1, "memory": "2048m"}}


def adopted(id_: str) -> pulumi.ResourceOptions:
    """Take over what has this id; without effect once the stack has it."""
    return pulumi.ResourceOptions(import_=id_)


legacy = cmf.Environment("legacy", adopted("legacy"), kubernetes_namespace="flink")
billing = cmf.FlinkApplication(
    "billing",
    adopted("legacy/billing"),
    environment=legacy.name,
    labels={"team": "billing"},
    spec={
        "image": "flink:1.20",
        "flink_version": "v1_20",
        "service_account": "flink",
        "job_manager": job_manager,
        "task_manager": task_manager,
        "job": {
            "jar_uri": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "parallelism": pulumi.Config().require_int("parallelism"),
            "upgrade_mode": "stateless",
            "state": "running",
        },
    },
)
reports = cmf.ComputePool(
    "reports",
    adopted("legacy/reports"),
    environment=legacy.name,
    type="DEDICATED",
    cluster_spec={
        "image": "confluentinc/cp-flink-sql:1.19-cp8",
        "flink_version": "v1_19",
        "job_manager": job_manager,
        "task_manager": task_manager,
    },
)
pulumi.export("job", billing.job_state)
