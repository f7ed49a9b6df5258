"""Pictures of stacks: everything is drawn once, nothing overlaps, no secret is in them; and the command over them."""

import itertools
import json
import stat
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf_components.drawing import Stack, draw, read
from pulumi_cmf_components.drawing.command import app
from pulumi_cmf_components.drawing.picture import Box, laid_out
from typer.testing import CliRunner

RECORDED = Path(__file__).parents[1] / "provider" / "recorded" / "first-version.json"
SVG = "{http://www.w3.org/2000/svg}"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"CANARY"'}
SPEC = {"taskManager": {"replicas": 2, "resource": {"cpu": 2, "memory": "4096m"}}}


def resource(kind: str, name: str, front: str = "cmf:index:", **outputs: Any) -> dict[str, Any]:
    """Return a resource as a state has it."""
    where = "-".join(value for value in (outputs.get("environment"), name) if isinstance(value, str))
    urn = f"urn:pulumi:prod::fleet::{front}{kind}::{where}"
    return {"urn": urn, "type": f"{front}{kind}", "custom": True, "outputs": {"name": name, **outputs}}


def exported(*resources: dict[str, Any]) -> str:
    """Return what `pulumi stack export` writes."""
    stack = {"urn": "urn:pulumi:prod::fleet::pulumi:pulumi:Stack::fleet-prod", "type": "pulumi:pulumi:Stack"}
    return json.dumps({"version": 3, "deployment": {"resources": [stack, *resources]}})


def large() -> list[dict[str, Any]]:
    """Return 3 clusters, 12 environments, 40 applications, and one of everything else in each environment."""
    made, numbers = [], itertools.count(1)
    for cluster in ("us-west", "eu-central", "ap-south"):
        made.append(resource("KubernetesCluster", cluster, state="CONNECTED", labels={"region": cluster}))
        for team in ("orders", "payments", "shipping", "analytics"):
            env = f"{team}-{cluster}"
            made.append(resource("Environment", env, kubernetesNamespace=team, kubernetesClusterName=cluster))
            for _ in range(4 if team == "orders" or env == "payments-us-west" else 3):
                app = f"application-{next(numbers)}"
                made.append(resource("FlinkApplication", app, environment=env, jobState="RUNNING", spec=SPEC))
            made += [
                resource("Savepoint", "savepoint", environment=env, application=app, state="COMPLETED"),
                resource("ComputePool", "pool", environment=env, type="SHARED", phase="RUNNING", clusterSpec=SPEC),
                resource("Statement", "statement", environment=env, computePoolName="pool", phase="RUNNING"),
                resource("EnvironmentSecretMapping", "mapping", environment=env),
            ]
    made += [resource("Secret", "secret"), resource("KafkaCatalog", "catalog")]
    return [*made, resource("KafkaDatabase", "database", catalog="catalog"), resource("DetachedSavepoint", "seed")]


def boxes(stack: Stack) -> Iterator[Box]:
    for outermost in laid_out(stack.items).children:
        yield from outermost.all()


def nothing_overlaps(box: Box) -> None:
    """Assert that what is in a box is inside it, and beside each other."""
    for child in box.children:
        assert box.x <= child.x
        assert box.y <= child.y
        assert child.x + child.width <= box.x + box.width
        assert child.y + child.height <= box.y + box.height
        nothing_overlaps(child)
    for one, other in itertools.combinations(box.children, 2):
        beside = one.x + one.width < other.x or other.x + other.width < one.x
        assert beside or one.y + one.height < other.y or other.y + other.height < one.y


def titles(svg: str) -> list[str]:
    """Return what the picture says of each box."""
    return [title.text or "" for group in ET.fromstring(svg).iter(f"{SVG}g") for title in group.findall(f"{SVG}title")]


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=70)
some = st.sampled_from(["a", "b", "c"]) | st.just(SECRET)
resources = st.lists(
    st.builds(
        lambda kind, name, front, outputs: resource(kind, name, front, **outputs),
        st.sampled_from([*KINDS]),
        st.sampled_from(["a", "b", "c"]) | names,
        st.sampled_from(["cmf:index:", "pulumi-python:dynamic/cmf:"]),
        st.dictionaries(
            st.sampled_from(["environment", "kubernetesClusterName", "kubernetes_cluster_name", "computePoolName",
                             "application", "statement", "catalog", "state", "phase", "kubernetesNamespace"]),
            some,
        ),
    ),
    max_size=25,
    unique_by=lambda made: made["urn"],
)  # fmt: skip


@given(resources)
def test_everything_is_drawn_once_and_nothing_overlaps(made: list[dict[str, Any]]) -> None:
    stack = read(exported(*made))
    nothing_overlaps(laid_out(stack.items))
    drawn = [(box.item.kind, box.item.name) for box in boxes(stack) if box.item.managed and box.item.kind != "shared"]
    assert sorted(drawn) == sorted((each["type"].rpartition(":")[2], each["outputs"]["name"]) for each in made)
    svg = draw(stack)
    assert len(titles(svg)) == len(list(boxes(stack)))
    assert "CANARY" not in svg
    assert draw(read(exported(*reversed(made)))) == svg, "the order of a state does not matter"


def test_a_large_stack_has_each_thing_where_it_is() -> None:
    made = large()
    stack = read(exported(*made))
    assert len([each for each in made if each["type"].endswith("FlinkApplication")]) == 40
    nothing_overlaps(laid_out(stack.items))
    svg = draw(stack)
    assert len(titles(svg)) == len(made) + 1, "and the box of what is in no environment"
    clusters = [item for item in stack.items if item.kind == "KubernetesCluster"]
    assert [cluster.name for cluster in clusters] == ["ap-south", "eu-central", "us-west"]
    for cluster in clusters:
        assert {environment.name.partition("-")[2] for environment in cluster.children} == {cluster.name}
        assert len(cluster.children) == 4
    described = ET.fromstring(svg).findtext(f"{SVG}desc") or ""
    assert (
        "cluster us-west, CONNECTED, region us-west\n  environment analytics-us-west, namespace analytics" in described
    )
    assert "application application-1, RUNNING, 2 x (2 cores, 4 GiB)" in described


def test_every_text_is_inside_its_box() -> None:
    svg = draw(read(exported(*large(), resource("FlinkApplication", "x" * 200, environment="e", jobState="RUNNING"))))
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        frame = group.find(f"{SVG}rect")
        if frame is None:
            continue
        left, width = int(frame.attrib["x"]), int(frame.attrib["width"])
        by_line: dict[str, int] = {}
        for text in group.findall(f"{SVG}text"):
            wide = round(len(text.text or "") * int(text.attrib["font-size"]) * 0.61)
            start = int(text.attrib["x"]) - (wide if text.attrib.get("text-anchor") == "end" else 0)
            assert left < max(start, by_line.get(text.attrib["y"], start))
            assert start + wide < left + width
            line = text.attrib["y"]
            assert line not in by_line or by_line[line] < start, "the state is beside the caption"
            by_line[line] = start + wide


def test_a_recorded_stack_of_the_dynamic_front_is_drawn() -> None:
    described = ET.fromstring(draw(read(RECORDED.read_text()))).findtext(f"{SVG}desc")
    assert described == (
        "cluster default-k8s-cluster, not in this stack\n"
        "  environment recorded-env, namespace flink\n"
        "    SHARED pool recorded-pool, RUNNING, task managers as needed\n"
        "      statement recorded-sql, RUNNING\n"
        "    application recorded-app, RUNNING, 1 x (1 core, 1 GiB)\n"
        "cluster recorded-spoke, CONNECTED, region north"
    )


def test_what_the_stack_only_reads_and_another_cmf_are_told_apart() -> None:
    read_only = {**resource("Environment", "legacy", kubernetesNamespace="a"), "external": True}
    eu = resource("Environment", "eu", kubernetesNamespace="b")
    eu["provider"] = "urn:pulumi:prod::fleet::pulumi:providers:cmf::europe::1"
    described = titles(draw(read(exported(read_only, eu))))
    assert described == [
        "cluster default-k8s-cluster, not in this stack",
        "environment legacy, namespace a, not in this stack",
        "cluster of europe default-k8s-cluster, not in this stack",
        "environment eu, namespace b",
    ]


def test_what_is_of_other_providers_is_told_and_not_drawn() -> None:
    namespace: dict[str, Any] = {"urn": "urn:pulumi:prod::fleet::kubernetes:core/v1:Namespace::elsewhere"}
    namespace |= {"type": "kubernetes:core/v1:Namespace", "custom": True}
    component = {**namespace, "type": "cmf:components:Spoke", "custom": False}
    svg = draw(read(exported(namespace, component)))
    assert ET.fromstring(svg).findtext(f"{SVG}desc") == "Resources of other providers are not drawn."
    assert "elsewhere" not in svg
    assert ET.fromstring(draw(read(exported(component)))).findtext(f"{SVG}desc") == "Nothing."


def test_a_stopped_job_says_so_and_what_is_going_is_not_drawn() -> None:
    stopped = {"environment": "e", "lifecycleState": "SUSPENDED", "jobState": "FINISHED"}
    old = {**resource("FlinkApplication", "on-its-way-out", environment="e"), "delete": True}
    secret = resource("FlinkApplication", "hidden", environment="e", spec=SECRET)
    svg = draw(read(exported(resource("FlinkApplication", "app", **stopped), old, secret)))
    assert "application app, SUSPENDED" in titles(svg)
    assert "application hidden" in titles(svg)
    assert "on-its-way-out" not in svg
    assert "CANARY" not in svg


def test_the_command_reads_files_and_the_standard_input(tmp_path: Path) -> None:
    state, drawn = tmp_path / "state.json", tmp_path / "picture.svg"
    state.write_text(exported(*large()))
    done = CliRunner().invoke(app, [str(state), "--output", str(drawn)])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, ["-"], input=state.read_text()).output == drawn.read_text()
    assert drawn.read_text() == draw(read(state.read_text()))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"deployment": null}', '{"deployment": {"resources": [1]}}', "CANARY"]
)
def test_what_is_no_stack_is_refused_without_a_word_of_it(text: str) -> None:
    done = CliRunner().invoke(app, ["-"], input=text)
    assert done.exit_code == 2
    assert "this is not what `pulumi stack export` writes" in done.output
    assert "CANARY" not in done.output


def test_the_command_tells_why_there_is_no_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(app, ["--cwd", str(tmp_path)])
    assert (done.exit_code, "cannot run pulumi" in done.output) == (2, True)
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("#!/bin/sh\necho \"error: no stack named '$5' found\" >&2\nexit 255\n")
    pulumi.chmod(pulumi.stat().st_mode | stat.S_IXUSR)
    done = CliRunner().invoke(app, ["--cwd", str(tmp_path), "--stack", "prod"])
    assert done.exit_code == 2
    assert (
        "`pulumi stack export --non-interactive --stack prod` ended with 255: error: no stack named 'prod'"
        in done.output
    )
