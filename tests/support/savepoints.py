"""Savepoints as tests ask for them, and jobs that can take them."""

from typing import Any

from tests.support.hub import Hub, application, unique

DIRECTORIES = {
    "taskmanager.numberOfTaskSlots": "2",
    "state.checkpoints.dir": "s3://bucket/checkpoints",
    "state.savepoints.dir": "s3://bucket/savepoints",
}


def durable(name: str, annotations: Any = None, **job: Any) -> dict[str, Any]:
    """Return an application whose savepoints have a folder to go to."""
    body = application(name, **job)
    body["spec"]["flinkConfiguration"] = DIRECTORIES
    body["metadata"] |= {"annotations": annotations} if annotations else {}
    return body


def savepoint(name: str | None = None, metadata: Any = None, **spec: Any) -> dict[str, Any]:
    """Return a savepoint as clients send it."""
    head = {"apiVersion": "cmf.confluent.io/v1", "kind": "Savepoint"}
    return {**head, "metadata": {**({"name": name} if name else {}), **(metadata or {})}, "spec": spec}


def running(hub: Hub, environment: str, **job: Any) -> str:
    """Create an application and return its path once its job runs."""
    name = unique("app")
    answer = hub.post(f"{environment}/applications", durable(name, **job))
    assert answer.status_code == 201, answer.text
    path = f"{environment}/applications/{name}"
    hub.until(path, "status.jobStatus.state", "RUNNING")
    return path


def completed(hub: Hub, path: str, name: str | None = None) -> dict[str, Any]:
    """Take a savepoint of a job and return it once it is COMPLETED."""
    answer = hub.post(f"{path}/savepoints", savepoint(name))
    assert answer.status_code == 201, answer.text
    return hub.until(f"{path}/savepoints/{answer.json()['metadata']['name']}", "status.state", "COMPLETED")
