"""No secret of any kind of resource is in a stack's state, in what users see, or in a log, whatever happens to it."""

import json
from pathlib import Path
from typing import Any

from cmf_localfleet import LocalCluster

from tests.provider.program import Program, on_both_fronts
from tests.support import hub as samples
from tests.support.hub import Hub, lookup, unique

CANARY = "CANARY"
_LOGGED = ("--debug", "--logtostderr", "-v=7")
"""As much as the engine logs without printing every property that passes it, which -v=9 does."""

_PROGRAM = """
import json
from pathlib import Path

given = json.loads(Path("given.json").read_text())
name, canary = given["name"], lambda place: f"CANARY-{given['generation']}-{place}"
marked = lambda place: pulumi.Output.secret(canary(place))
kept = lambda place: canary(place).replace(given["generation"], "kept")
notes = {"note": marked("annotation")}
options = lambda place: {"s3.secret-key": canary(place), "my.option": marked(place), "a.b": "plain"}
spec = {**given["clusterSpec"], "flink_configuration": {"s3.secret-key": kept("pool"), "a.b": "plain"}}
limit = {"create": 60, "update": given["limit"]}

cluster = KubernetesCluster(f"{name}-cluster", kubeconfig=given["kubeconfig"], annotations=notes)
env = Environment(
    f"{name}-env", kubernetes_namespace="flink", annotations=notes,
    flink_application_defaults={"spec": {"flink_configuration": options("application-defaults")}},
    compute_pool_defaults={"spec": {"clusterSpec": {"flinkConfiguration": options("pool-defaults")}}},
    statement_defaults={"detached": {"flink_configuration": options("statement-defaults")}},
)
inside = {"environment": env.name, "annotations": notes}
pool = ComputePool(f"{name}-pool", type="DEDICATED", cluster_spec=spec, environment=env.name)
app = FlinkApplication(
    f"{name}-app", timeouts=limit, **inside,
    spec={**given["application"], "flinkConfiguration": {**options("application"), **given["directories"]},
          "job": {**given["application"]["job"], "args": ["--password", marked("arguments")]}},
)
Statement(
    f"{name}-sql", compute_pool_name=pool.name, statement="INSERT INTO a SELECT 1", **inside,
    flink_configuration=options("statement"), properties={"sql.current-catalog": marked("properties")},
)
Savepoint(f"{name}-savepoint", application=app.name, **inside)
DetachedSavepoint(f"{name}-detached", path="s3://bucket/one", annotations=notes)
secret = Secret(f"{name}-secret", data={"password": canary("data")}, annotations=notes)
EnvironmentSecretMapping(f"{name}-mapping", secret_name=secret.name, **inside)
catalog = KafkaCatalog(f"{name}-catalog", annotations=notes, sr_instance={"connection_config": {
    "schema.registry.url": "http://registry:8081", "basic.auth.user.info": canary("catalog"),
}})
KafkaDatabase(f"{name}-database", catalog=catalog.name, annotations=notes, kafka_cluster={"connection_config": {
    "bootstrap.servers": "kafka:9092", "sasl.jaas.config": canary("database"), "my.option": marked("database"),
}})
"""
KINDS = 11


class Watched:
    """The program of all kinds, and everything that anybody could read of it."""

    def __init__(self, program: Program, spoke: LocalCluster) -> None:
        self.program = program
        self._kubeconfig = spoke.kubeconfig.read_text()
        self._name = unique("canary")
        self._said: dict[str, str] = {}
        program.write(_PROGRAM)

    def name(self, kind: str) -> str:
        """Return the name of a resource."""
        return f"{self._name}-{kind}"

    def give(self, generation: str, *, limit: float = 60, **options: str) -> None:
        """Change the secrets, and the seconds that an update of the application may take; it gets Flink's `options`."""
        application = samples.application("x")["spec"]
        given: dict[str, Any] = {
            "name": self._name,
            "generation": generation,
            "kubeconfig": f"{self._kubeconfig}\n# {CANARY}-{generation}-kubeconfig\n",
            "clusterSpec": samples.pool("x")["spec"]["clusterSpec"],
            "application": application,
            "directories": {"state.savepoints.dir": "s3://b/s", "state.checkpoints.dir": "s3://b/c", **options},
            "limit": limit,
        }
        (self.program.folder / "given.json").write_text(json.dumps(given))

    def run(self, command: str, *arguments: str, fails: bool = False) -> str:
        """Run pulumi with all its logs, and remember what it said."""
        said = self.program.run(command, *arguments, *_LOGGED, fails=fails)
        self._said[f"{command} {len(self._said)}"] = said
        return said

    def look(self, what: str) -> None:
        """Remember the state, and what the program's outputs are."""
        exported = self.program.run("stack", "export")
        assert len(self.program.resources()) == KINDS
        self._said[f"state {what}"] = exported
        shown = self.program.run("stack", "export", "--show-secrets")
        for resource in json.loads(shown)["deployment"]["resources"]:
            if "cmf" in resource["type"] and "providers" not in resource["type"]:
                assert CANARY in json.dumps(resource["outputs"]), f"no canary in {resource['urn']}: nothing is tested"

    def remember(self, what: str, text: str) -> None:
        """Remember a text."""
        self._said[what] = text

    def is_silent(self) -> None:
        """Assert that no secret is in anything."""
        for what, said in self._said.items():
            told = [line for line in said.splitlines() if CANARY in line]
            assert not told, f"a secret in {what}: {told[0][:2000]}"


@on_both_fronts
def test_no_secret_of_any_kind_is_told(program: Program, cmf: Hub, spoke: LocalCluster) -> None:
    program.environment["CMF_TOKEN"] = f"{CANARY}-token"
    watched = Watched(program, spoke)
    watched.give("one")
    watched.run("preview", "--diff")
    watched.run("up", "--yes", "--skip-preview")
    watched.look("after up")
    path = f"/environments/{watched.name('env')}/applications/{watched.name('app')}"
    options = lookup(cmf.get(path).json(), "spec.flinkConfiguration")
    assert options["s3.secret-key"] == "CANARY-one-application", "CMF has the secret itself"
    watched.run("refresh", "--yes", "--skip-preview")
    watched.look("after refresh")
    watched.run("preview", "--json", "--expect-no-changes")

    watched.give("two", limit=0.001)
    said = watched.run("up", "--yes", "--skip-preview", "--continue-on-error", fails=True)
    assert "was not STABLE within" in said
    watched.look("after a failed update")
    program.environment["CMF_URL"], url = "http://127.0.0.1:1", program.environment["CMF_URL"]
    watched.give("three")
    assert "cannot be reached" in watched.run("preview", "--diff")
    program.environment["CMF_URL"] = url
    watched.give("four")
    watched.run("up", "--yes", "--skip-preview", "--diff")
    watched.look("after another update")
    watched.run("destroy", "--yes", "--skip-preview")
    watched.remember("the hub's log", cmf.process.log.read_text())
    logs = [*program.folder.parent.rglob("*.log"), *Path(program.environment["PULUMI_HOME"]).rglob("*.json")]
    watched.remember("Pulumi's files", "".join(file.read_text(errors="replace") for file in logs))
    watched.is_silent()
