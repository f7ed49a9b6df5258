"""An environment for each team, with what all its jobs share. Needs CMF_URL and a token of the platform's people."""

from typing import Any

import pulumi
import pulumi_cmf as cmf

config = pulumi.Config()
for team in config.require_object("teams"):
    state: dict[str, Any] = {
        "execution.checkpointing.interval": "30 s",
        "state.checkpoints.dir": f"s3://flink-state/{team}/checkpoints",
        "state.savepoints.dir": f"s3://flink-state/{team}/savepoints",
    }
    environment = cmf.Environment(
        team,
        kubernetes_namespace=config.require("namespace"),
        labels={"team": team},
        flink_application_defaults={"spec": {"flink_configuration": state}},
        compute_pool_defaults={"spec": {"cluster_spec": {"flink_configuration": state}}},
    )
    pulumi.export(team, environment.id)
