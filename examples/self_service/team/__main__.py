"""A team's job, in the environment that the platform's people made. Needs CMF_URL and a token of the team."""

import pulumi
import pulumi_cmf as cmf

config = pulumi.Config()
team, task_managers = config.require("team"), config.require_int("taskManagers")
job = cmf.FlinkApplication(
    f"{team}-totals",
    environment=config.require("environment"),
    labels={"team": team},
    spec={
        "image": "flink:1.20",
        "flink_version": "v1_20",
        "service_account": "flink",
        "flink_configuration": {"state.checkpoints.dir": f"s3://flink-state/{team}/checkpoints"},
        "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
        "task_manager": {"replicas": task_managers, "resource": {"cpu": 1, "memory": "2048m"}},
        "job": {
            "jar_uri": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "parallelism": task_managers,
            "upgrade_mode": "stateless",
        },
    },
)
pulumi.export("job", job.job_state)
