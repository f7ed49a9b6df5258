"""The kubeconfig directory: what counts as a cluster, and when."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from cmf_hub.clock import SystemClock
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.directory import Change, KubeconfigDirectory
from cmf_hub.clusters.kubeconfig import Policy
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.clusters import kubeconfigs


def tokens_in(folder: Path) -> dict[str, str]:
    files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    return {file.name: file.read_text().split("token: ")[1].strip() for file in files}


def kubeconfig(token: str) -> bytes:
    return kubeconfigs.text(user={"token": token})


class Mirror:
    """What a directory's reports add up to."""

    def __init__(self, path: Path) -> None:
        self.directory = KubeconfigDirectory(path, Policy())
        self.tokens: dict[str, str] = {}
        self.refused: dict[str, str] = {}

    def look(self) -> list[Change]:
        changes, _ = self.directory.look()
        self.apply(changes)
        return changes

    def settle(self) -> list[str]:
        """Look until nothing moves; return the names that were reported, in their order."""
        names: list[str] = []
        while True:
            changes, unsettled = self.directory.look()
            self.apply(changes)
            names += [change.name for change in changes]
            if not unsettled:
                return names

    def apply(self, changes: list[Change]) -> None:
        for name, found in changes:
            self.tokens.pop(name, None)
            self.refused.pop(name, None)
            if isinstance(found, ClusterCredentials):
                self.tokens[name] = found.token or ""
            elif found is not None:
                self.refused[name] = str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.mkdir()
    return path


@pytest.fixture
def mirror(folder: Path) -> Mirror:
    return Mirror(folder)


@pytest.mark.rule("C10", "C11", "C12", "C13", "C14", "C15")
def test_files_come_change_and_go(folder: Path, mirror: Mirror) -> None:
    assert mirror.settle() == []
    (folder / "my-cluster").write_bytes(kubeconfig("one"))
    (folder / "spoke-us-west.kubeconfig").write_bytes(kubeconfig("two"))
    assert mirror.settle() == ["my-cluster", "spoke-us-west.kubeconfig"]
    assert mirror.settle() == []
    (folder / "my-cluster").write_bytes(kubeconfig("three"))
    assert mirror.settle() == ["my-cluster"]
    assert mirror.tokens == {"my-cluster": "three", "spoke-us-west.kubeconfig": "two"}
    (folder / "my-cluster").unlink()
    assert mirror.settle() == ["my-cluster"]
    assert mirror.tokens == {"spoke-us-west.kubeconfig": "two"}


def test_a_content_counts_when_it_was_seen_twice(folder: Path, mirror: Mirror) -> None:
    mirror.settle()
    whole = kubeconfig("a-token-at-the-end-of-the-file")
    assert whole.endswith(b"a-token-at-the-end-of-the-file\n")
    file = folder / "spoke"
    for end in (20, 200, len(whole) - 10):  # the last one is valid, with a token that is cut off
        file.write_bytes(whole[:end])
        assert mirror.look() == []
    file.write_bytes(whole)
    assert mirror.look() == []
    assert [change.name for change in mirror.look()] == ["spoke"]
    assert mirror.tokens == {"spoke": "a-token-at-the-end-of-the-file"}
    assert mirror.refused == {}


def test_a_file_that_is_replaced_by_deleting_it_first_never_goes(folder: Path, mirror: Mirror) -> None:
    (folder / "spoke").write_bytes(kubeconfig("one"))
    mirror.settle()
    (folder / "spoke").unlink()
    assert mirror.look() == []
    (folder / "spoke").write_bytes(kubeconfig("two"))
    mirror.settle()
    assert mirror.tokens == {"spoke": "two"}


def mount_secret(folder: Path, version: str, tokens: dict[str, str]) -> None:
    """Write a Secret's keys as the kubelet does: a new folder, and `..data` swapped over to it."""
    content = folder / f"..{version}"
    content.mkdir()
    for name, token in tokens.items():
        (content / name).write_bytes(kubeconfig(token))
    swap = folder / "..data_tmp"
    swap.symlink_to(content.name)
    swap.rename(folder / "..data")
    for name in tokens:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(f"..data/{name}")
    for entry in folder.iterdir():
        if not entry.name.startswith("..") and entry.name not in tokens:
            entry.unlink()


@pytest.mark.rule("C18")
def test_a_mounted_secret_is_a_cluster_a_key(folder: Path, mirror: Mirror) -> None:
    mount_secret(folder, "2026_1", {"spoke-a": "a1", "spoke-b": "b1"})
    mirror.settle()
    assert mirror.tokens == {"spoke-a": "a1", "spoke-b": "b1"}
    mount_secret(folder, "2026_2", {"spoke-a": "a2", "spoke-c": "c1"})
    mirror.settle()
    assert mirror.tokens == {"spoke-a": "a2", "spoke-c": "c1"}
    assert mirror.refused == {}


@pytest.mark.rule("C04", "C11", "C16")
def test_what_is_no_plain_file_of_a_good_name_is_refused(folder: Path, mirror: Mirror, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(kubeconfig("stolen"))
    (folder / "linked-out").symlink_to(outside)
    (folder / "linked-far").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    with (folder / "large").open("wb") as large:
        large.truncate(10 * 1024 * 1024 + 1)
    for name in ("default-k8s-cluster", "Upper", "under_score", "back~", "a" * 254, "ümlaut"):
        (folder / name).write_bytes(kubeconfig("name"))
    (folder / os.fsdecode(b"not-\xff-text")).write_bytes(kubeconfig("name"))
    (folder / "dangling").symlink_to("..data/nothing")
    (folder / ".hidden").write_bytes(kubeconfig("hidden"))
    (folder / "good").write_bytes(kubeconfig("good"))
    mirror.settle()
    assert mirror.tokens == {"good": "good"}
    reasons = {name: text for name, text in mirror.refused.items() if len(name) < 50}
    assert len(mirror.refused) == len(reasons) + 1
    expected = {
        "linked-out": "link out of the directory",
        "linked-far": "link out of the directory",
        "loop": "link to itself",
        "fifo": "not a plain file",
        "folder": "not a plain file",
        "large": "larger than 10 MB",
        "default-k8s-cluster": "is reserved",
        "Upper": "not valid",
        "under_score": "not valid",
        "back~": "not valid",
        "ümlaut": "not valid",
        "not-\\xff-text": "not valid",
    }
    assert reasons.keys() == expected.keys()
    for name, words in expected.items():
        assert words in reasons[name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(folder: Path, mirror: Mirror) -> None:
    (folder / "locked").write_bytes(kubeconfig("one"))
    (folder / "locked").chmod(0)
    mirror.settle()
    assert "cannot be read" in mirror.refused["locked"]


def test_a_refused_file_that_is_put_right_is_taken(folder: Path, mirror: Mirror) -> None:
    (folder / "spoke").write_bytes(b"a: [")
    mirror.settle()
    assert "not YAML" in mirror.refused["spoke"]
    (folder / "spoke").write_bytes(kubeconfig("good"))
    mirror.settle()
    assert (mirror.tokens, mirror.refused) == ({"spoke": "good"}, {})


@pytest.mark.rule("C17", "C19")
def test_a_directory_that_cannot_be_read_changes_nothing(folder: Path, mirror: Mirror) -> None:
    (folder / "spoke").write_bytes(kubeconfig("one"))
    mirror.settle()
    folder.rename(folder.with_name("unmounted"))
    assert mirror.settle() == []
    assert "No such file" in str(mirror.directory.problem)
    folder.with_name("unmounted").rename(folder)
    assert mirror.settle() == []
    assert mirror.directory.problem is None
    assert mirror.tokens == {"spoke": "one"}


def test_what_could_not_be_acted_on_is_reported_again(folder: Path, mirror: Mirror) -> None:
    (folder / "spoke").write_bytes(kubeconfig("one"))
    mirror.settle()
    mirror.directory.forget("spoke")
    mirror.directory.forget("gone-while-the-hub-was-down")
    assert mirror.settle() == ["gone-while-the-hub-was-down", "spoke"]
    assert mirror.settle() == []


def test_a_file_that_is_missing_at_the_start_has_a_moment_to_come(folder: Path, mirror: Mirror) -> None:
    mirror.directory.forget("spoke")
    assert mirror.look() == []
    (folder / "spoke").write_bytes(kubeconfig("one"))
    mirror.settle()
    assert mirror.tokens == {"spoke": "one"}


NAMES = st.sampled_from(["a", "b", "c", "default-k8s-cluster"])
CONTENTS = st.sampled_from([None, "one", "two", "broken"])


@given(st.lists(st.tuples(NAMES, CONTENTS, st.booleans())))
def test_reports_add_up_to_the_directory(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str | None, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("kubeconfig")
    mirror = Mirror(folder)
    for name, content, look in steps:
        if content is None:
            (folder / name).unlink(missing_ok=True)
        else:
            (folder / name).write_bytes(b"a: [" if content == "broken" else kubeconfig(content))
        if look:
            mirror.look()
    mirror.settle()
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    good = {name for name, data in files.items() if data != b"a: [" and name != "default-k8s-cluster"}
    assert mirror.tokens == {name: "one" if b"one" in files[name] else "two" for name in good}
    assert mirror.refused.keys() == files.keys() - good


@asynccontextmanager
async def following(mirror: Mirror) -> AsyncIterator[asyncio.Condition]:
    """Apply a directory's reports as they come; the condition is notified after each."""
    changed = asyncio.Condition()

    async def follow() -> None:
        async with aclosing(mirror.directory.changes(SystemClock())) as looks:
            async for changes in looks:
                async with changed:
                    mirror.apply(changes)
                    changed.notify_all()

    task = asyncio.create_task(follow())
    try:
        yield changed
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(changed: asyncio.Condition, mirror: Mirror, tokens: dict[str, str]) -> None:
    async with asyncio.timeout(30), changed:
        await changed.wait_for(lambda: mirror.tokens == tokens)


@pytest.mark.rule("C13", "C18")
async def test_changes_are_seen_while_running(folder: Path, mirror: Mirror) -> None:
    async with following(mirror) as changed:
        (folder / "plain").write_bytes(kubeconfig("p1"))
        await until(changed, mirror, {"plain": "p1"})
        (folder / "plain").unlink()
        mount_secret(folder, "2026_1", {"spoke-a": "a1"})
        await until(changed, mirror, {"spoke-a": "a1"})
        mount_secret(folder, "2026_2", {"spoke-a": "a2"})
        await until(changed, mirror, {"spoke-a": "a2"})


def step_aside(folder: Path, name: str) -> None:
    folder.rename(folder.with_name(name))


def new_folder(folder: Path, name: str, token: str) -> None:
    folder.mkdir()
    (folder / name).write_bytes(kubeconfig(token))


async def test_a_directory_that_comes_later_or_is_replaced_is_followed(
    folder: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmf_hub.clusters.directory.LOOK_SECONDS", 0.3)
    step_aside(folder, "later")
    async with following(mirror) as changed:
        await until(changed, mirror, {})
        new_folder(folder, "one", "1")
        await until(changed, mirror, {"one": "1"})
        step_aside(folder, "old")
        new_folder(folder, "two", "2")
        await until(changed, mirror, {"two": "2"})
        (folder / "three").write_bytes(kubeconfig("3"))
        await until(changed, mirror, {"two": "2", "three": "3"})


async def test_a_storm_of_files_ends_as_the_directory_is(folder: Path, mirror: Mirror) -> None:
    dice = random.Random(20261121)
    async with following(mirror) as changed:
        for n in range(200):
            (folder / f"spoke-{n}").write_bytes(kubeconfig(f"first-{n}"))
        for _ in range(400):
            file = folder / f"spoke-{dice.randrange(200)}"
            if dice.random() < 0.5:
                file.unlink(missing_ok=True)
            else:
                temporary = folder / f".{file.name}"
                temporary.write_bytes(kubeconfig(f"later-{dice.randrange(10)}"))
                temporary.rename(file)
            await asyncio.sleep(0)
        wanted = tokens_in(folder)
        assert 50 < len(wanted) < 200
        await until(changed, mirror, wanted)
