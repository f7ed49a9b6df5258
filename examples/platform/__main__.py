"""A whole Flink platform in twenty lines: operators, accounts, spokes, storage, environments, pools, a smoke test.

Which clusters: SPOKE_KUBECONFIGS, as NAME=PATH,NAME=PATH, by kubeconfigs of administrators. Where the hub is: CMF_URL.
"""

import os
from pathlib import Path

import pulumi
from pulumi_cmf_components import FlinkPlatform

config = pulumi.Config()
chart, repository = config.require("operatorChart"), config.require("operatorRepository")
clusters = dict(pair.split("=", 1) for pair in os.environ["SPOKE_KUBECONFIGS"].split(","))
flink = {
    "image": config.require("image"),
    "flink_version": "v1_20",
    "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
    "task_manager": {"resource": {"cpu": 1, "memory": "2048m"}},
}
job = {"jar_uri": "local:///opt/flink/examples/streaming/StateMachineExample.jar", "parallelism": 1}
platform = FlinkPlatform(
    "platform",
    spokes={
        name: {"kubeconfig": Path(path).read_text(), "environments": {f"orders-{name}": {"namespace": "orders"}}}
        for name, path in clusters.items()
    },
    operator={"chart": {"chart": chart, "repository": repository}},
    state={"uri": config.require("stateUri")},
    pool=flink,
    smoke_test={**flink, "job": {**job, "upgrade_mode": "stateless", "state": "running"}},
)
pulumi.export("clusters", platform.states)
pulumi.export("environments", {name: each.kubernetes_cluster_name for name, each in platform.environments.items()})
