"""Random programs, what others do to the hub meanwhile, and how the programs change. The same seed gives the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.foretell.stack import Declared
from tests.support import hub as samples
from tests.support.hub import CP8, RESOURCES, Hub

DIRECTORIES = {"state.checkpoints.dir": "s3://b/c", "state.savepoints.dir": "s3://b/s"}


@dataclass
class Case:
    """One random case: a program, what happens outside of it, and what the program becomes.

    Attributes:
        prefix: begins every name, so that no other case has it.
        clusters: names of clusters that are registered, by name; the last one may be taken away.
    """

    prefix: str
    random: random.Random
    dead: str | None = None

    def name(self, part: str) -> str:
        """Return a name of this case."""
        return f"{self.prefix}-{part}"

    def environment(self, number: int) -> Declared:
        """Return an environment, on the hub's own cluster or on the case's."""
        chosen = self.random.choice([None, None, self.dead, self.name("nowhere")]) if number else self.dead
        inputs: dict[str, Any] = {"name": self.name(f"env{number}"), "kubernetes_namespace": "flink"}
        if chosen:
            inputs["kubernetes_cluster_name"] = chosen
        if self.random.random() < 0.4:
            configuration = self.random.choice([DIRECTORIES, {"state.checkpoints.dir": ""}])
            inputs["flink_application_defaults"] = {"spec": {"flinkConfiguration": configuration}}
        return Declared(f"env{number}", "Environment", inputs)

    def pool(self, environment: Declared, number: int) -> Declared:
        """Return a pool."""
        spec = {"image": CP8, "flinkVersion": "v1_19", "jobManager": RESOURCES, "taskManager": RESOURCES}
        name, kind = self.name(f"pool{number}"), self.random.choice(["DEDICATED", "DEDICATED", "SHARED"])
        inputs = {"name": name, "environment": environment.inputs["name"], "type": kind, "cluster_spec": spec}
        inputs |= {"wait_for": "ready" if kind == "SHARED" else "accepted", "timeouts": {"create": 30, "update": 30}}
        return Declared(f"{environment.name}-pool{number}", "ComputePool", inputs, (environment.name,))

    def statement(self, pool: Declared, number: int) -> Declared:
        """Return a statement; its name may be one that another resource of its namespace has."""
        name = self.name(f"job{number}")
        inputs = {"name": name, "environment": pool.inputs["environment"], "compute_pool_name": pool.inputs["name"]}
        inputs |= {"statement": "INSERT INTO a SELECT * FROM b", "timeouts": {"create": 30, "update": 30}}
        return Declared(f"{pool.name}-job{number}", "Statement", inputs, (*pool.needs, pool.name))

    def application(self, environment: Declared, number: int) -> Declared:
        """Return an application, of which some have a specification that no operator takes."""
        spec: dict[str, Any] = samples.application("x")["spec"]
        job = {**spec["job"], "upgradeMode": self.random.choice(["stateless", "savepoint", "last-state"])}
        if self.random.random() < 0.15:
            job["parallelism"] = 0
        inputs = {"name": self.name(f"job{number}"), "environment": environment.inputs["name"]}
        inputs |= {"spec": {**spec, "job": job}, "wait_for": "accepted"}
        return Declared(f"{environment.name}-app{number}", "FlinkApplication", inputs, (environment.name,))

    def recorded(self, environment: Declared) -> list[Declared]:
        """Return a secret with its mapping, and a catalog with its database."""
        secret = Declared("secret", "Secret", {"name": self.name("secret"), "data": {"password": "x"}})
        names = {"name": self.name("map"), "environment": environment.inputs["name"]}
        mapping = Declared(
            "map",
            "EnvironmentSecretMapping",
            {**names, "secret_name": secret.inputs["name"]},
            ("secret", environment.name),
        )
        connection = {"connectionConfig": {"bootstrap.servers": "kafka:9092"}}
        catalog = Declared("catalog", "KafkaCatalog", {"name": self.name("catalog"), "sr_instance": connection})
        database = {"name": self.name("database"), "catalog": catalog.inputs["name"], "kafka_cluster": connection}
        return [secret, mapping, catalog, Declared("database", "KafkaDatabase", database, ("catalog",))]

    def program(self) -> list[Declared]:
        """Return a program, in an order that its dependencies allow."""
        made: list[Declared] = []
        for number in range(self.random.randint(1, 2)):
            environment = self.environment(number)
            made.append(environment)
            for each in range(self.random.randint(0, 2)):
                pool = self.pool(environment, each)
                made += [pool, *(self.statement(pool, n + each) for n in range(self.random.randint(0, 2)))]
            made += [self.application(environment, n + 2) for n in range(self.random.randint(0, 2))]
        if self.random.random() < 0.5:
            made += self.recorded(made[0])
        return made

    def changed(self, program: list[Declared]) -> list[Declared]:
        """Return the next version of a program: some resources go, with all that need them, others change or come."""
        gone = {each.name for each in program if self.random.random() < 0.25}
        left = [each for each in program if each.name not in gone and not gone & {*each.needs}]
        left = [self.altered(each) if self.random.random() < 0.5 else each for each in left]
        if self.random.random() < 0.4:
            environments = [each for each in left if each.kind == "Environment"]
            if environments:
                left.append(replace(self.application(environments[0], 0), name="newcomer"))
        return left

    def altered(self, declared: Declared) -> Declared:
        """Return a resource with other inputs."""
        inputs = {**declared.inputs}
        match declared.kind:
            case "ComputePool" if inputs["type"] == "SHARED" and self.random.random() < 0.5:
                inputs |= {"state": "SUSPENDED"}
            case "ComputePool":
                inputs["cluster_spec"] = {**inputs["cluster_spec"], "flinkConfiguration": {"a.b": self.prefix}}
            case "Statement":
                inputs |= self.random.choice(
                    [{"stopped": True}, {"parallelism": 2}, {"statement": "INSERT INTO c SELECT 1"}]
                )
            case "FlinkApplication":
                change = self.random.choice([{"flinkVersion": ""}, {"mode": "standalone"}, {"image": "flink:1.20.1"}])
                inputs["spec"] = {**inputs["spec"], **change}
            case "Environment" | "KafkaCatalog" | "EnvironmentSecretMapping":
                inputs["labels"] = {"changed": "yes"}
            case "Secret":
                inputs["data"] = {"password": "y", "other": self.random.choice(["z", "*****"])}
            case "KafkaDatabase":
                inputs["ddl_environments"] = [self.name("env0")]
        return replace(declared, inputs=inputs)

    def meddle(self, cmf: Hub, program: list[Declared]) -> list[str]:
        """Do what others do to the hub, and return it in words."""
        doings: list[Callable[[], str | None]] = []
        for declared in program:
            place = f"/environments/{declared.inputs.get('environment', declared.inputs['name'])}"
            match declared.kind:
                case "Environment":
                    body = samples.application(self.name("job0"))
                    doings.append(_posted(cmf, f"{place}/applications", body))
                    doings.append(
                        _posted(
                            cmf, f"{place}/secret-mappings", samples.mapping(self.name("foreign"), self.name("secret"))
                        )
                    )
                case "ComputePool":
                    body = samples.statement(self.name("foreign"), declared.inputs["name"])
                    doings.append(_posted(cmf, f"{place}/statements", body))
                case "KafkaCatalog":
                    body = {
                        "apiVersion": "cmf.confluent.io/v1", "kind": "KafkaDatabase", "metadata": {"name": "foreign"},
                        "spec": {"kafkaCluster": {"connectionConfig": {"bootstrap.servers": "kafka:9092"}}},
                    }  # fmt: skip
                    doings.append(_posted(cmf, f"/catalogs/kafka/{declared.inputs['name']}/databases", body))
                case "Statement":
                    doings.append(_deleted(cmf, f"{place}/statements/{declared.inputs['name']}"))
        self.random.shuffle(doings)
        return [done for doing in doings[: self.random.randint(0, 2)] if (done := doing())]


def _posted(cmf: Hub, path: str, body: dict[str, Any]) -> Callable[[], str | None]:
    def post() -> str | None:
        return f"{path}: {body['metadata']['name']}" if cmf.post(path, body).is_success else None

    return post


def _deleted(cmf: Hub, path: str) -> Callable[[], str | None]:
    def delete() -> str | None:
        if not cmf.delete(path).is_success:
            return None
        cmf.gone(path)
        return f"{path} deleted"

    return delete
