"""Lines of programs: one resource each."""

from tests.support import hub as samples

SPEC = samples.application("x")["spec"]
CLUSTER_SPEC = samples.pool("x")["spec"]["clusterSpec"]


def environment(name: str, **inputs: object) -> str:
    """Return the line of a program that makes an environment."""
    given = {"kubernetes_namespace": "flink", **inputs}
    return f"env = Environment({name!r}, {arguments(given)})\n"


def application(name: str, slots: int = 2, **inputs: object) -> str:
    """Return the line that makes an application in `env`."""
    spec = {**SPEC, "flinkConfiguration": {"taskmanager.numberOfTaskSlots": slots}}
    return f"app = FlinkApplication({name!r}, environment=env.name, {arguments({'spec': spec, **inputs})})\n"


def pool(name: str, **inputs: object) -> str:
    """Return the line that makes a pool in `env`."""
    given = {"type": "SHARED", "cluster_spec": CLUSTER_SPEC, **inputs}
    return f"pool = ComputePool({name!r}, environment=env.name, {arguments(given)})\n"


def statement(name: str, text: str) -> str:
    """Return the line that makes a statement in `env` on `pool`."""
    return f"Statement({name!r}, environment=env.name, compute_pool_name=pool.name, statement={text!r})\n"


def arguments(given: dict[str, object]) -> str:
    """Return keyword arguments."""
    return ", ".join(f"{key}={value!r}" for key, value in given.items())
