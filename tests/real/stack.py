"""A stack whose program is a set of resources that a test changes one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.provider.program import Program
from tests.real.counting import PATIENCE
from tests.real.fleet import COUNTING_JAR, DATA, NAMESPACE, RealFleet
from tests.support.hub import Hub
from tests.support.wait import wait_for

ENVIRONMENTS = {"home": "at-home", "spoke": "at-spoke"}
"""Name of the environment on each cluster."""

SMALL = {
    "image_pull_policy": "IfNotPresent",
    "flink_version": "v1_19",
    "job_manager": {"resource": {"cpu": 0.2, "memory": "900m"}},
    "task_manager": {"resource": {"cpu": 0.2, "memory": "1000m"}},
}
"""A Flink cluster that fits on this machine. The operator that can be had calls 1.20 by the name before."""


class Stack:
    """A program with the spoke's registration, an environment on each cluster, and what a test adds."""

    def __init__(self, program: Program, fleet: RealFleet) -> None:
        self.program = program
        self.resources: dict[str, tuple[str, dict[str, Any]]] = {}
        kubeconfig = fleet.clusters["spoke"].cluster.kubeconfig.read_text()
        self.set("spoke", "KubernetesCluster", kubeconfig=kubeconfig)
        defaults: dict[str, Any] = {
            "image": fleet.image,
            "pod_template": fleet.pod_template,
            "flink_configuration": {
                "execution.checkpointing.interval": "2 s",
                "resourcemanager.taskmanager-timeout": "5 s",
                "state.checkpoints.dir": f"file://{DATA}/checkpoints",
                "state.savepoints.dir": f"file://{DATA}/savepoints",
            },
        }
        for cluster, name in ENVIRONMENTS.items():
            where = {"kubernetes_cluster_name": "spoke"} if cluster == "spoke" else {}
            self.set(
                name,
                "Environment",
                **where,
                kubernetes_namespace=NAMESPACE,
                flink_application_defaults={"spec": defaults},
                compute_pool_defaults={"spec": {"cluster_spec": defaults}},
            )

    def set(self, name: str, kind: str, **inputs: Any) -> None:
        """Make a resource part of the program."""
        self.resources[name] = (kind, inputs)

    def change(self, name: str, path: str, value: Any) -> None:
        """Change one input of a resource; the path has dots."""
        kind, inputs = copy.deepcopy(self.resources[name])
        *parents, last = path.split(".")
        place = inputs
        for part in parents:
            place = place.setdefault(part, {})
        place[last] = value
        self.resources[name] = (kind, inputs)

    def drop(self, name: str) -> None:
        """Take a resource out of the program."""
        del self.resources[name]

    def up(self, *, fails: bool = False) -> str:
        """Run `pulumi up`."""
        return self.program.up(self.text(), fails=fails)

    def up_while_the_hub_is_killed(self, hub: Hub, reached: Callable[[], bool]) -> None:
        """Run `pulumi up`, and kill the hub once a condition holds, before it ends; the update must not notice."""
        kill_meanwhile(hub, self.up, reached)

    def text(self) -> str:
        """Return the program: each resource stands on those before it that its scope names."""
        lines = ["made = []\n"]
        for name, (kind, inputs) in self.resources.items():
            arguments = ", ".join(f"{key}={value!r}" for key, value in inputs.items())
            depends = "opts=pulumi.ResourceOptions(depends_on=list(made))"
            lines.append(f"made.append({kind}({name!r}, {arguments}, {depends}))\n")
        return "".join(lines)


def kill_meanwhile(hub: Hub, work: Callable[[], str], reached: Callable[[], bool]) -> str:
    """Return what `work` returns, and kill the hub once a condition holds, before the work ends."""
    with ThreadPoolExecutor(1) as other:
        update = other.submit(work)
        wait_for(lambda: update.done() or reached(), "the update to reach the hub", PATIENCE, every=0.02)
        assert not update.done(), "the update ended before the hub was killed"
        hub.crash()
        return update.result()


def counting(name: str, environment: str, **job: Any) -> dict[str, Any]:
    """Return the inputs of an application that counts; its files are in the shared folder's `counts/NAME`."""
    return {
        "environment": environment,
        "spec": {
            **SMALL,
            "service_account": "flink",
            "flink_configuration": {
                "taskmanager.numberOfTaskSlots": "1",
                "high-availability.type": "kubernetes",
                "high-availability.storageDir": f"file://{DATA}/ha",
            },
            "job": {
                "jar_uri": COUNTING_JAR,
                "args": [f"{DATA}/counts/{name}"],
                "parallelism": 1,
                "upgrade_mode": "savepoint",
                "state": "running",
                **job,
            },
        },
    }
