"""Random programs, and how they change. The same seed gives the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.foretell import specifications
from tests.foretell.specifications import laid
from tests.foretell.stack import Declared
from tests.support import hub as samples
from tests.support.hub import CP8, RESOURCES

DIRECTORIES = {"state.checkpoints.dir": "s3://b/c", "state.savepoints.dir": "s3://b/s"}


@dataclass
class Case:
    """One random case: what its programs say.

    Attributes:
        prefix: begins every name, so that no other case has it.
        random: decides.
        kubeconfig: of a cluster for the case.
        cluster: name of that cluster, if the case has it.
        hires: the programs themselves register it.
    """

    prefix: str
    random: random.Random
    kubeconfig: str
    cluster: str | None = field(init=False)
    hires: bool = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = self.name("spoke") if self.chance(0.6) else None
        self.hires = self.cluster is not None and self.chance(0.5)

    def chance(self, probability: float) -> bool:
        """Return true, as often as that."""
        return self.random.random() < probability

    def name(self, part: str) -> str:
        """Return a name of this case."""
        return f"{self.prefix}-{part}"

    def spoke(self) -> Declared:
        """Return the case's cluster; now and then, another kubeconfig of its name is there already."""
        inputs = {"name": self.cluster, "kubeconfig": self.kubeconfig, "timeouts": {"create": 30, "update": 30}}
        return Declared("spoke", "KubernetesCluster", inputs)

    def environment(self, number: int) -> Declared:
        """Return an environment, on the hub's own cluster, on the case's, or on none that there is."""
        chosen = self.random.choice([None, None, self.cluster, self.name("nowhere")]) if number else self.cluster
        inputs: dict[str, Any] = {"name": self.name(f"env{number}"), "kubernetes_namespace": "flink"}
        if chosen:
            inputs["kubernetes_cluster_name"] = chosen
        if self.chance(0.5):
            good = {"flinkConfiguration": DIRECTORIES}
            part = self.random.choice([good, good, *specifications.BAD_DEFAULTS]) if self.chance(0.5) else good
            inputs["flink_application_defaults"] = {"spec": part}
        uses = {"kubernetes_cluster_name": "spoke"} if chosen == self.cluster and self.hires else {}
        return Declared(f"env{number}", "Environment", inputs, uses)

    def pool(self, environment: Declared, number: int) -> Declared:
        """Return a pool, of which some have a specification that CMF or no operator takes."""
        spec: dict[str, Any] = {
            "image": CP8, "flinkVersion": "v1_19", "jobManager": RESOURCES, "taskManager": RESOURCES,
        }  # fmt: skip
        if self.chance(0.12):
            spec = laid(self.random.choice(specifications.BAD_POOLS), spec)
        kind = self.random.choice(["DEDICATED", "DEDICATED", "SHARED"])
        inputs = {"name": self.name(f"pool{number}"), "type": kind, "cluster_spec": spec}
        if self.chance(0.04):
            inputs["state"] = "SUSPENDED"
        inputs |= {"wait_for": "ready" if kind == "SHARED" else "accepted", "timeouts": {"create": 30, "update": 30}}
        return used_in(environment, Declared(f"{environment.name}-pool{number}", "ComputePool", inputs))

    def statement(self, pool: Declared, number: int) -> Declared:
        """Return a statement; its name may be one that another resource of its namespace has, its pool missing."""
        missing = self.chance(0.04)
        inputs = {"name": self.name(f"job{number}"), "environment": pool.inputs["environment"]}
        inputs["compute_pool_name"] = self.name("nothing") if missing else pool.inputs["name"]
        inputs |= {"statement": "INSERT INTO a SELECT * FROM b", "timeouts": {"create": 30, "update": 30}}
        uses = {**pool.uses} if missing else {**pool.uses, "compute_pool_name": pool.name}
        return Declared(f"{pool.name}-job{number}", "Statement", inputs, uses)

    def application(self, environment: Declared, number: int) -> Declared:
        """Return an application, of which some have a specification that no operator takes."""
        spec: dict[str, Any] = samples.application("x")["spec"]
        spec = laid({"job": {"upgradeMode": self.random.choice(["stateless", "savepoint", "last-state"])}}, spec)
        if self.chance(0.12):
            spec = laid(self.random.choice(specifications.BAD_APPLICATIONS), spec)
        elif self.chance(0.15):
            spec = laid({"job": {"state": "suspended"}}, spec)
        inputs = {"name": self.name(f"job{number}"), "spec": spec, "wait_for": "accepted"}
        return used_in(environment, Declared(f"{environment.name}-app{number}", "FlinkApplication", inputs))

    def savepoint(self, application: Declared) -> Declared:
        """Return a savepoint of an application, which may not be to run, or know no folder for it."""
        inputs = {"name": self.name("image"), "environment": application.inputs["environment"], "wait_for": "accepted"}
        inputs["application"] = application.inputs["name"]
        path = self.random.choice([None, "s3://b/image", "s3://b/an image"])
        uses = {**application.uses, "application": application.name}
        return Declared(f"{application.name}-image", "Savepoint", {**inputs, **({"path": path} if path else {})}, uses)

    def detached(self) -> Declared:
        """Return a detached savepoint."""
        path = self.random.choice(["s3://b/kept", "s3://b/kept", "kept"])
        return Declared("kept", "DetachedSavepoint", {"name": self.name("kept"), "path": path})

    def recorded(self, environment: Declared) -> list[Declared]:
        """Return a secret with its mapping, and a catalog with its database; some name what is not there."""
        secret = Declared("secret", "Secret", {"name": self.name("secret"), "data": {"password": "x"}})
        inputs = {"name": self.name("map"), "secret_name": self.named(secret)}
        mapping = used_in(environment, Declared("map", "EnvironmentSecretMapping", inputs))
        connection = {"connectionConfig": {"bootstrap.servers": "kafka:9092"}}
        catalog = Declared("catalog", "KafkaCatalog", {"name": self.name("catalog"), "sr_instance": connection})
        inputs = {"name": self.name("database"), "catalog": self.named(catalog)}
        database = Declared("database", "KafkaDatabase", {**inputs, "kafka_cluster": connection})
        return [secret, _using(mapping, "secret_name", secret), catalog, _using(database, "catalog", catalog)]

    def named(self, used: Declared) -> str:
        """Return the name of a resource, now and then one that is not there."""
        return self.name("nothing") if self.chance(0.05) else str(used.inputs["name"])

    def program(self) -> list[Declared]:
        """Return a program, in an order that its dependencies allow."""
        made = [self.spoke()] if self.hires else []
        for number in range(self.random.randint(1, 2)):
            environment = self.environment(number)
            made.append(environment)
            for each in range(self.random.randint(0, 2)):
                pool = self.pool(environment, each)
                made += [pool, *(self.statement(pool, n + each) for n in range(self.random.randint(0, 2)))]
            applications = [self.application(environment, n + 2) for n in range(self.random.randint(0, 2))]
            made += applications
            if applications and self.chance(0.4):
                made.append(self.savepoint(applications[0]))
        if self.chance(0.5):
            made += self.recorded(next(each for each in made if each.kind == "Environment"))
        if self.chance(0.3):
            made.append(self.detached())
        return made

    def changed(self, program: list[Declared]) -> list[Declared]:
        """Return the next version of a program: some resources go, with all that need them, others change or come."""
        left: list[Declared] = []
        gone: set[str] = set()
        for each in program:
            if self.chance(0.25) or gone & {*each.needs}:
                gone.add(each.name)
            else:
                left.append(self.altered(each) if self.chance(0.4) else each)
        if self.cluster and self.chance(0.2):
            late = replace(self.environment(0), name="late")
            late = replace(late, inputs={**late.inputs, "name": self.name("late")})
            if {*late.needs} <= {each.name for each in left}:
                left = [*(each for each in left if each.name != "late"), late]
        environments = [each for each in left if each.kind == "Environment"]
        if environments and self.chance(0.5):
            newcomer = replace(self.application(environments[0], self.random.choice([0, 9])), name="newcomer")
            left = [*(each for each in left if each.name != "newcomer"), newcomer]
        return _resolved(left)

    def altered(self, declared: Declared) -> Declared:
        """Return a resource with other inputs."""
        inputs = {**declared.inputs}
        match declared.kind:
            case "KubernetesCluster":
                retired: dict[str, Any] = {"lifecycle_state": "DECOMMISSIONED"}
                inputs |= self.random.choice([retired, {"labels": {"changed": "yes"}}])
            case "ComputePool" if inputs["type"] == "SHARED" and self.chance(0.5):
                inputs |= {"state": "SUSPENDED"}
            case "ComputePool" if self.chance(0.2):
                inputs |= {"type": "DEDICATED", "wait_for": "accepted"}
            case "ComputePool":
                inputs["cluster_spec"] = laid({"flinkConfiguration": {"a.b": self.prefix}}, inputs["cluster_spec"])
            case "Statement":
                inputs |= self.random.choice(
                    [{"stopped": True}, {"parallelism": 2}, {"statement": "INSERT INTO c SELECT 1"}]
                )
            case "FlinkApplication":
                bad = [specifications.BAD_APPLICATIONS, specifications.BAD_CHANGES]
                parts = self.random.choice(bad) if self.chance(0.3) else specifications.CHANGES
                inputs["spec"] = laid(self.random.choice(parts), inputs["spec"])
            case "Environment":
                changes: list[dict[str, Any]] = [{"labels": {"changed": "yes"}}, {"kubernetes_namespace": "cmf"}]
                laws = {"flink_application_defaults": {"spec": self.random.choice(specifications.BAD_DEFAULTS)}}
                renamed: dict[str, Any] = {"name": f"{inputs['name']}x"}
                inputs |= self.random.choice([*changes, laws, renamed])
            case "KafkaCatalog" | "EnvironmentSecretMapping" | "DetachedSavepoint":
                inputs["labels"] = {"changed": "yes"}
            case "Secret":
                inputs["data"] = {"password": "y", "other": self.random.choice(["z", "*****"])}
            case "KafkaDatabase":
                inputs["ddl_environments"] = [self.name("env0")]
            case "Savepoint":
                inputs["path"] = "s3://b/another"
        return replace(declared, inputs=inputs)


def used_in(environment: Declared, declared: Declared) -> Declared:
    """Return a resource in an environment."""
    return _using(declared, "environment", environment)


def _using(declared: Declared, given: str, used: Declared) -> Declared:
    """Return a resource one of whose inputs is another's name, unless that input names something else."""
    name = used.inputs["name"]
    if declared.inputs.get(given, name) != name:
        return declared
    return replace(declared, inputs={**declared.inputs, given: name}, uses={**declared.uses, given: used.name})


def _resolved(program: list[Declared]) -> list[Declared]:
    """Return a program whose inputs are the present names of what they use."""
    names: Mapping[str, Any] = {each.name: each.inputs["name"] for each in program}
    return [
        replace(each, inputs={**each.inputs, **{given: names[used] for given, used in each.uses.items()}})
        for each in program
    ]
