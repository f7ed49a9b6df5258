"""Comments on previews that were recorded of a real engine, hub and clusters."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi_cmf_policy.comment.main import main
from pulumi_cmf_policy.comment.markdown import LIMIT, render
from pulumi_cmf_policy.comment.previews import read
from pulumi_cmf_policy.comment.reports import Report, Row, report

from tests.comment.scenarios import CANARY

PREVIEWS = Path(__file__).parent / "previews"
RECORDED = sorted(path.name for path in PREVIEWS.iterdir())
on_both = pytest.mark.parametrize("front", ["dynamic", "plugin"])

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command: what it is given as a preview, and its options; returns exit code and comment."""

    def carry_out(text: str, *options: str) -> tuple[int, str]:
        file = tmp_path / "preview.json"
        file.write_text(text)
        return main([str(file), *options]), capsys.readouterr().out

    return carry_out


def recorded(name: str) -> str:
    """Return a recorded preview."""
    return next(PREVIEWS.glob(f"{name}.json*")).read_text()


def found(name: str) -> Report:
    """Return the report on a recorded preview."""
    return report(read(recorded(name)), {"protected-stacks": "disabled"})


def rows(name: str) -> dict[str, Row]:
    """Return the rows of a report by CMF's names."""
    return {row.name: row for row in found(name).rows}


@on_both
def test_a_small_change_is_one_row(run: Run, front: str) -> None:
    code, comment = run(recorded(f"scaled-{front}"))
    assert code == 0
    assert "1 to update" in comment
    assert "Nothing is refused" in comment
    assert "<code>taskmanager.numberOfTaskSlots</code> <code>2</code> → <code>4</code>" in comment
    assert "JobManager and TaskManagers restart; its job goes on from a savepoint" in comment
    assert "**Cores +2, memory ±0 GiB**" in comment
    assert len(comment) < 3000
    changes = [line for line in comment.splitlines() if line.startswith("| ✏️")]
    assert len(changes) == 1
    assert "FlinkApplication <code>orders</code> | <code>spoke-eu</code><br><code>payments</code>" in changes[0]


@on_both
def test_each_change_says_where_it_is_and_what_happens(front: str) -> None:
    seen = rows(f"changed-{front}")
    assert {name: row.action for name, row in seen.items()} == {
        "payments": "update",
        "orders": "update",
        "fraud": "update",
        "audit": "inherit",
        "legacy": "delete",
        "alerts": "create",
        "big-orders": "replace",
    }
    assert {name: row.place.cluster for name, row in seen.items()} == {
        **dict.fromkeys(("payments", "orders", "fraud", "audit", "legacy"), "spoke-eu"),
        **dict.fromkeys(("alerts", "big-orders"), "default-k8s-cluster"),
    }
    assert [each.path for each in seen["payments"].differences] == ["execution.checkpointing.interval"]
    happens = {name: row.effect.sentence for name, row in seen.items()}
    assert happens["orders"] == "JobManager and TaskManagers restart; its job goes on from a savepoint"
    assert happens["fraud"] == "suspends: the job ends, its state is kept (last-state)"
    assert "**its state is lost (upgradeMode stateless)**" in happens["audit"]
    assert happens["legacy"] == "its job ends; only savepoints that were taken remain"
    assert happens["alerts"] == "a job starts"
    assert "**without its state**" in happens["big-orders"]


@on_both
def test_cores_and_memory_are_added_up_by_place(front: str) -> None:
    uses = {place.environment: use for place, use in found(f"changed-{front}").uses.items()}
    before, after = uses["payments"].before, uses["payments"].after
    assert (before.job_manager.cpu, before.task_manager.cpu, before.task_manager.count) == (2.0, 8.0, 4)
    # orders has 16 / 4 task managers of 4 cores, audit one of 2; fraud is suspended, legacy is gone.
    assert (after.job_manager.cpu, after.task_manager.cpu, after.task_manager.count) == (1.0, 18.0, 5)
    assert after.task_manager.memory == 5 * 2048 * 2**20
    assert uses["reports"].after.task_manager.count - uses["reports"].before.task_manager.count == 2


@on_both
def test_policies_results_are_told_by_level(run: Run, front: str) -> None:
    code, comment = run(recorded(f"changed-{front}"))
    assert code == 1
    assert "1 thing is refused" in comment
    assert "incomplete" not in comment, "policies are asked at the end, all deletions are known"
    assert "- ❌ Environment 'payments' asks for 5 task managers, over the limit of 4" in comment
    assert "policy <code>environment-limits</code>" in comment
    assert re.search(r"1 mandatory \(above\), \d advisory, 1 remediated", comment)
    assert "🔧 FlinkApplication 'alerts': changed labels — policy <code>default-labels</code>" in comment


@on_both
@pytest.mark.rule("P38")
def test_a_refused_preview_still_gives_a_comment(run: Run, front: str) -> None:
    code, comment = run(recorded(f"refused-{front}"))
    assert code == 1
    assert "1 thing is refused" in comment
    assert "ComputePool 'shared-sql' (SHARED) cannot be updated: statements big-orders" in comment
    assert "delete them, or wait until they are COMPLETED or FAILED" in comment
    assert r"\[P38\]" in comment
    assert "**what follows is incomplete**" in comment


@on_both
@pytest.mark.rule("C40", "C49")
def test_deletions_are_held_to_the_policy_on_protected_stacks(run: Run, front: str, tmp_path: Path) -> None:
    text, config = recorded(f"retired-{front}"), tmp_path / "policies.json"
    code, comment = run(text)
    assert code == 0
    assert "10 **to delete**" in comment
    config.write_text(json.dumps({"protected-stacks": {"stacks": ["dev"]}}))
    code, comment = run(text, "--policy-pack-config", str(config))
    assert code == 1
    assert "KubernetesCluster 'spoke-eu' in the protected stack 'dev' is to be deleted, which decommissions" in comment
    assert "1 thing is refused" in comment
    forced = text.replace('"inputs":{', '"inputs":{"force_delete":true,')
    code, comment = run(forced, "--policy-pack-config", str(config))
    assert code == 1
    assert "Statement 'big-orders' in the protected stack 'dev' is to be deleted with force\\_delete" in comment
    for level in ("advisory", "disabled"):
        config.write_text(json.dumps({"protected-stacks": {"stacks": ["dev"], "enforcementLevel": level}}))
        assert run(text, "--policy-pack-config", str(config))[0] == 0


@on_both
def test_a_first_preview_counts_all(front: str) -> None:
    new = found(f"first-{front}")
    assert {row.action for row in new.rows} == {"create"}
    assert len(new.rows) == 10
    assert new.total.before.task_manager.count == 0
    assert new.total.after.task_manager.count == 5


@on_both
def test_a_digest_says_the_same_but_for_policies(run: Run, front: str) -> None:
    code, comment = run(recorded(f"digest-{front}"))
    assert code == 0
    assert "`PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true`" in comment.replace("<code>", "`").replace("</code>", "`")
    stream = {row.name: (row.action, row.place, row.effect) for row in found(f"changed-{front}").rows}
    assert {row.name: (row.action, row.place, row.effect) for row in found(f"digest-{front}").rows} == stream


@pytest.mark.parametrize("name", RECORDED)
def test_no_secret_is_in_a_comment(run: Run, name: str) -> None:
    text = (PREVIEWS / name).read_text()
    _, comment = run(text)
    assert CANARY in text or "refused" in name, "the recorded preview has one in its configuration"
    assert CANARY not in comment
    assert "INSERT INTO" not in comment


def test_what_others_write_is_no_markup(run: Run) -> None:
    text = recorded("scaled-dynamic").replace("spoke-eu", "<img src=x>|`@team`")
    _, comment = run(text)
    assert "<img" not in comment
    assert "| `" not in comment
    rows_ = [line for line in comment.splitlines() if line.startswith("| ✏️")]
    assert [line.count(" | ") for line in rows_] == [4], "a name does not open a cell"


def test_the_marker_is_the_first_line_and_the_same_in_every_comment(run: Run) -> None:
    firsts = {run(recorded(f"{name}-dynamic"))[1].splitlines()[0] for name in ("scaled", "changed", "refused")}
    assert firsts == {"<!-- cmf-preview-comment: test/dev -->"}
    assert run(recorded("scaled-dynamic"), "--stack", "live")[1].startswith("<!-- cmf-preview-comment: live -->\n")
    code, comment = run("error: no stack selected\n", "--stack", "test/dev")
    assert code == 1
    assert comment.startswith("<!-- cmf-preview-comment: test/dev -->\n")
    assert "There is no preview" in comment


def test_a_large_change_is_folded_and_stays_within_the_limit(run: Run) -> None:
    lines = recorded("changed-plugin").splitlines()
    few, many = _times(lines, 3), _times(lines, 400)
    _, comment = run(few)
    assert "<details><summary><code>spoke-eu</code>: 13 changes</summary>" in comment
    assert "more, which" not in comment
    code, comment = run(many)
    assert code == 1
    assert len(comment.encode()) <= LIMIT
    assert "… and " in comment
    assert "400 **to delete**" in comment
    assert "legacy-" in comment, "what loses state is not what is left out"
    assert comment.count("<details>") == comment.count("</details>")


def test_a_limit_that_nothing_fits_is_kept() -> None:
    assert len(render(found("changed-dynamic"), 500).encode()) <= 500


def test_the_command_is_installed_and_reads_stdin() -> None:
    command = Path(sys.executable).with_name("cmf-preview-comment")
    done = subprocess.run([command, "-"], input=recorded("scaled-dynamic"), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<!-- cmf-preview-comment: test/dev -->")
    failed = subprocess.run([command, "/nowhere"], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "/nowhere" in failed.stderr


def _times(lines: list[str], number: int) -> str:
    """Return a preview with each changed resource so many times, under names of their own."""
    names = ("orders", "fraud", "audit", "legacy", "alerts", "big-orders")
    result = []
    for line in lines:
        name = next((each for each in names if f"::{each}" in line and "resourcePreEvent" in line), None)
        result.append(line)
        if name is not None:
            copies = range(1, number)
            result += [line.replace(f"::{name}", f"::{name}-{n}").replace(f'"{name}"', f'"{name}-{n}"') for n in copies]
    return "\n".join(result)
