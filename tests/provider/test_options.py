"""Pulumi's own options of resources and updates: they mean what they always mean, and nothing is foretold falsely."""

import pytest

from tests.provider.lines import CLUSTER_SPEC, environment, pool, statement
from tests.provider.program import Program, on_both_fronts, operations
from tests.support import hub as samples
from tests.support.hub import Hub, lookup, unique

_BIGGER = {**CLUSTER_SPEC, "taskManager": {"resource": {"memory": "2048m", "cpu": 1}}}
_IGNORED = "pulumi.ResourceOptions(ignore_changes=['cluster_spec', 'clusterSpec'])"


def with_options(line: str, options: str) -> str:
    """Return a resource's line with its options."""
    return f"{line.rstrip().removesuffix(')')}, opts={options})\n"


@on_both_fronts
@pytest.mark.rule("P38", "E05")
def test_options_of_resources(program: Program, cmf: Hub) -> None:
    env, shared, sql = unique("env"), unique("pool"), unique("sql")
    inside = pool(shared) + statement(sql, "INSERT INTO a SELECT 1")
    program.up(environment(env) + inside)
    ignored = with_options(pool(shared, cluster_spec=_BIGGER), _IGNORED)
    said = program.preview(environment(env) + ignored + statement(sql, "INSERT INTO a SELECT 1"))
    assert operations(said) == {}, "a change that is ignored is no change, and blocked by nothing"

    protected = with_options(environment(env), "pulumi.ResourceOptions(protect=True)")
    program.up(protected + inside)
    said = program.preview("", fails=True)
    assert "because it is protected" in said

    alias = f"pulumi.ResourceOptions(aliases=[pulumi.Alias(name={env!r})])"
    renamed = f"env = Environment('renamed', name={env!r}, kubernetes_namespace='flink')\n"
    assert operations(program.up(with_options(renamed, alias) + inside)) == {}, "an alias keeps what was there"

    program.up(with_options(renamed, "pulumi.ResourceOptions(retain_on_delete=True)"))
    cmf.post(f"/environments/{env}/applications", samples.application(unique("app"))).raise_for_status()
    program.up("")
    assert cmf.get(f"/environments/{env}").status_code == 200, "it stays, in use as it is, and so is no refusal"


@on_both_fronts
@pytest.mark.rule("C07")
def test_what_does_not_depend_on_a_failure_goes_on_if_it_shall(program: Program, cmf: Hub) -> None:
    good, bad = unique("env"), unique("env")
    program.run("config", "set", "cmf:foretell", "false")
    program.write(environment(bad, kubernetes_cluster_name="nowhere") + environment(good))
    said = program.run("up", "--yes", "--skip-preview", "--continue-on-error", fails=True)
    assert "Environment's kubernetesClusterName 'nowhere' does not exist." in said
    assert operations(said)[good] == "created"
    assert cmf.get(f"/environments/{bad}").status_code == 404


@on_both_fronts
def test_an_update_of_one_target_leaves_the_others(program: Program, cmf: Hub) -> None:
    one, other = unique("env"), unique("env")
    program.up(environment(one) + environment(other))
    changed = environment(one, labels={"a": "1"}) + environment(other, labels={"a": "2"})
    program.write(changed)
    program.run("up", "--yes", "--skip-preview", "--target", f"**::{one}")
    labels = [lookup(cmf.get(f"/environments/{name}").json(), "metadata.labels") for name in (one, other)]
    assert [bool(each) for each in labels] == [True, False]
    assert set(operations(program.preview())) == {other}


@on_both_fronts
def test_a_whole_number_comes_back_as_one(program: Program) -> None:
    kind = "pulumi.export('kind', sql.parallelism.apply(lambda number: type(number).__name__))\n"
    inputs = "environment=env.name, compute_pool_name=pool.name, statement='INSERT INTO a SELECT 1', parallelism=2"
    program.up(
        environment(unique("env")) + pool(unique("pool")) + f"sql = Statement({unique('sql')!r}, {inputs})\n{kind}"
    )
    assert program.run("stack", "output", "kind").strip() == "int"
