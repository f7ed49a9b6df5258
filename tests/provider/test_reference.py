"""The examples of the pages on resources and functions, on the real engine and both fronts."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.reads import READS

from tests.provider.conftest import running_hub
from tests.provider.program import Program, on_both_fronts, operations
from tests.support.hub import Hub, Spoke

EXAMPLES = Path(__file__).parents[2] / "examples/reference/__main__.py"


@pytest.fixture(scope="module")
def cmf(fleet: dict[str, Spoke], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub on which there is nothing else: what lists return are the examples' own resources."""
    with running_hub(fleet, tmp_path_factory.mktemp("hub")) as hub:
        yield hub


def test_there_is_an_example_of_each_resource_and_function_that_uses_it() -> None:
    parts = EXAMPLES.read_text().split("\n# [")[1:]
    shown = {part.partition("]")[0]: part.partition("\n")[2] for part in parts}
    assert set(shown) == {*KINDS, *(read.name for read in READS.values())}
    for name, text in shown.items():
        called = {ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
        python = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        assert called & {f"cmf.{name}", f"cmf.{python}", f"cmf.{python}_output"}, name


@on_both_fronts
def test_the_examples_run(program: Program, cmf: Hub, spoke: LocalCluster) -> None:
    program.environment["SPOKE_KUBECONFIG"] = str(spoke.kubeconfig)
    (program.folder / "__main__.py").write_text(EXAMPLES.read_text())
    program.run("preview")
    program.run("up", "--yes", "--skip-preview")
    outputs = json.loads(program.run("stack", "output", "--json"))
    assert outputs.pop("job")
    assert outputs.pop("savepoint")
    assert outputs.pop("cmf")
    assert outputs.pop("catalog") in ([], ["prod-us-west"]), "those that there were when it was read"
    url = outputs.pop("web_ui")
    assert url == f"{cmf.http.base_url}/cmf/api/v1/environments/prod-us-west/applications/orders/flink-web-ui/"
    assert isinstance(outputs.pop("cores"), int | float)
    assert outputs == {
        "home": "CONNECTED",
        "clusters": {"us-west": "CONNECTED"},
        "namespace": "flink",
        "environments": ["prod-us-west"],
        "running": ["orders"],
        "pool": "RUNNING",
        "pools": ["prod-us-west/sql-pool"],
        "statement": "RUNNING",
        "statements": ["order-totals"],
        "savepoints": ["before-upgrade"],
        "seed": "s3://my-bucket/savepoints/savepoint-1a2b3c",
        "detached": ["seed-state"],
        "version": "1",
        "secrets": ["kafka-west"],
        "mapped": "kafka-west",
        "mappings": ["kafka-credentials"],
        "catalogs": ["shop"],
        "writers": ["prod-us-west"],
        "databases": ["west"],
    }
    program.run("preview", "--expect-no-changes")
    if program.plugin:
        every_kind_can_be_imported(program)


def every_kind_can_be_imported(program: Program) -> None:
    """Import all of the program's resources into another stack: what CMF tells of them is what the program says."""
    made = program.resources()
    listed = [{"type": one["type"], "name": name, "id": one["id"]} for name, one in made.items()]
    (program.folder / "imports.json").write_text(json.dumps({"resources": listed}))
    program.run("stack", "init", "adopted")
    program.use_plugin()
    program.run("import", "--file", "imports.json", "--yes", "--protect=false", "--generate-code=false")
    assert {one["type"].rpartition(":")[2] for one in program.resources().values()} == {*KINDS}
    untold = {"us-west": "update", "kafka-west": "update"}
    assert operations(program.preview()) == untold, "a kubeconfig and a secret's values are told by nobody"
    reads = [f"{one['type'].rpartition(':')[2]}.get('read-{name}', {one['id']!r})" for name, one in made.items()]
    said = program.preview("\n".join(reads) + "\n")
    assert {name for name, one in made.items() if f"read {one['type']} read-{name}" in said} == {*made}
    program.run("stack", "select", "dev")


@on_both_fronts
@pytest.mark.rule("C33")
def test_what_cannot_be_read_is_told(program: Program, cmf: Hub) -> None:
    for call, told in (
        ("get_environment('missing')", "Environment 'missing' does not exist in CMF at http://"),
        ("get_flink_application('no-id')", "it is ENVIRONMENT/NAME"),
        ("get_flink_applications(environment='missing')", "missing"),
        ("get_environments(filter='nonsense==')", "filter"),
        ("get_flink_web_ui(environment='missing')", "needs application, statement or computePool, one of them"),
        ("get_flink_web_ui(environment='missing', application='none')", "missing"),
    ):
        said = program.preview(call + "\n", fails=True)
        assert told in said, said
    program.environment["CMF_URL"] = "http://127.0.0.1:1"
    said = program.preview("get_system_information()\n", fails=True)
    assert "CMF at http://127.0.0.1:1 cannot be reached" in said
