"""A Flink job in one of two regions: it moves with its state, and fails over when its region is dead.

Which regions: SPOKE_KUBECONFIGS, as NAME=PATH,NAME=PATH, by kubeconfigs for the hub. Where the hub is: CMF_URL.
"""

import os
from pathlib import Path

import pulumi
from pulumi_cmf import Environment, KubernetesCluster
from pulumi_cmf_components import Placement

config = pulumi.Config()
state = config.require("stateUri").rstrip("/")
regions = dict(pair.split("=", 1) for pair in os.environ["SPOKE_KUBECONFIGS"].split(","))

clusters = {name: KubernetesCluster(name, kubeconfig=Path(path).read_text()) for name, path in regions.items()}
environments = {
    name: Environment(
        f"orders-{name}",
        kubernetes_cluster_name=cluster.name,
        kubernetes_namespace=config.require("namespace"),
        flink_application_defaults={
            "spec": {
                "flink_configuration": {
                    "execution.checkpointing.interval": "30 s",
                    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
                    "state.checkpoints.dir": f"{state}/checkpoints",
                    "state.savepoints.dir": f"{state}/savepoints",
                    "high-availability.type": "kubernetes",
                    "high-availability.storageDir": f"{state}/ha/{name}",
                }
            }
        },
    )
    for name, cluster in clusters.items()
}
orders = Placement(
    "orders",
    environments={name: environment.name for name, environment in environments.items()},
    at=config.require("at"),
    restore_from=config.get("restoreFrom") or None,
    force_delete=True,  # a region may die: CMF then forgets what is there, and lists it when the region is back
    spec={
        "image": config.require("image"),
        "flink_version": "v1_20",
        "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
        "task_manager": {"resource": {"cpu": 1, "memory": "2048m"}},
        "job": {
            "jar_uri": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
            "parallelism": config.require_int("parallelism"),
            "upgrade_mode": "savepoint",
        },
    },
)
pulumi.export("environment", orders.environment)
pulumi.export("startedFrom", orders.savepoint_path)
