"""The objects that the recorded scenarios began with."""

from typing import Any

Json = dict[str, Any]
GROUP = "flink.apache.org"


def _object(kind: str, name: str, spec: Json) -> Json:
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def _pods() -> Json:
    return {"spec": {"terminationGracePeriodSeconds": 3}}


def session(name: str = "sess") -> Json:
    """A native session cluster."""
    return _object(
        "FlinkDeployment",
        name,
        {
            "image": "localhost/flink:1.18.1",
            "imagePullPolicy": "IfNotPresent",
            "flinkVersion": "v1_18",
            "serviceAccount": "flink",
            "flinkConfiguration": {
                "taskmanager.numberOfTaskSlots": "2",
                "state.checkpoints.dir": f"file:///flink-data/{name}/checkpoints",
                "state.savepoints.dir": f"file:///flink-data/{name}/savepoints",
            },
            "podTemplate": _pods(),
            "jobManager": {"replicas": 1, "resource": {"cpu": 0.2, "memory": "900m"}},
            "taskManager": {"resource": {"cpu": 0.2, "memory": "1000m"}},
        },
    )


def standalone_session(name: str = "stand") -> Json:
    """A standalone session cluster with two TaskManagers."""
    resource = session(name)
    spec = resource["spec"]
    spec["mode"] = "standalone"
    spec["flinkConfiguration"] = {"taskmanager.numberOfTaskSlots": "1"}
    spec["taskManager"]["replicas"] = 2
    return resource


def application(name: str = "app") -> Json:
    """A native application with high availability and upgrade mode savepoint."""
    resource = session(name)
    spec = resource["spec"]
    spec["flinkConfiguration"] |= {
        "execution.checkpointing.interval": "5 s",
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": f"file:///flink-data/{name}/ha",
    }
    spec["job"] = {
        "jarURI": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
        "parallelism": 1,
        "upgradeMode": "savepoint",
        "state": "running",
    }
    return resource


def standalone_application(name: str = "sapp") -> Json:
    """A standalone application with two TaskManagers."""
    resource = application(name)
    spec = resource["spec"]
    spec["mode"] = "standalone"
    spec["taskManager"]["replicas"] = 2
    spec["job"]["entryClass"] = "org.apache.flink.streaming.examples.statemachine.StateMachineExample"
    return resource


def session_job(
    name: str = "sj", deployment: str = "sess", jar: str = "http://jars.example/TopSpeedWindowing.jar"
) -> Json:
    """A session job."""
    job = {"jarURI": jar, "parallelism": 1, "upgradeMode": "stateless"}
    return _object("FlinkSessionJob", name, {"deploymentName": deployment, "job": job})


def snapshot(name: str = "snap", job: str = "app", kind: str = "FlinkDeployment", **savepoint: Any) -> Json:
    """A savepoint as an object."""
    spec = {"jobReference": {"kind": kind, "name": job}, "savepoint": savepoint}
    return _object("FlinkStateSnapshot", name, spec)


def with_commands(resource: Json, **commands: str) -> Json:
    """The object with stand-in commands as annotations."""
    annotations = {f"standin.flink/{name.replace('_', '-')}": value for name, value in commands.items()}
    return {**resource, "metadata": {**resource["metadata"], "annotations": annotations}}
