"""What is built is kept, and built again when its sources change and only then."""

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cmf_localfleet import LocalFleetError, MissingPrerequisiteError, Workspace, ensure_artifact
from cmf_localfleet.artifacts import ARTIFACTS, Artifact
from cmf_localfleet.errors import BuildError
from cmf_localfleet.progress import Report

Builds = list[Path]


@pytest.fixture
def builds(checkout: Workspace, monkeypatch: pytest.MonkeyPatch) -> Builds:
    """An artefact `trial` of the folder `tools/trial`; the list has one entry a build."""
    made: Builds = []
    source = checkout.tools / "trial"
    source.mkdir()
    (source / "a.src").write_text("one")

    def build(source: Path, target: Path, report: Report) -> None:
        made.append(target)
        report("copying")
        (target / "result").write_text((source / "a.src").read_text())

    monkeypatch.setitem(ARTIFACTS, "trial", Artifact("Building a trial", "trial", ("*.src",), build, "result"))
    return made


@pytest.mark.parametrize(
    ("name", "file", "decides"),
    [
        ("apiserver", "local-apiserver/go.mod", True),
        ("apiserver", "local-apiserver/go.sum", True),
        ("apiserver", "local-apiserver/main.go", True),
        ("apiserver", "local-apiserver/README.md", False),
        ("apiserver", "pulumi/go.mod", False),
        ("pulumi", "pulumi/go.mod", True),
        ("pulumi", "pulumi-language-python/language_host.py", False),
        ("crds", "flink-operator-crds/pom.xml", True),
        ("crds", "local-apiserver/main.go", False),
        ("flink", "flink/requirements.txt", True),
        ("flink", "sql-runner/pom.xml", False),
        ("sql-runner", "sql-runner/src/main/java/io/cmfhub/sql/SqlRunner.java", True),
    ],
)
def test_the_key_follows_the_sources(checkout: Workspace, name: str, file: str, decides: bool) -> None:
    before = ARTIFACTS[name].key(checkout)
    assert before == ARTIFACTS[name].key(checkout)
    with (checkout.tools / file).open("a") as source:
        source.write("\n")
    assert (ARTIFACTS[name].key(checkout) != before) is decides


def test_a_new_source_file_changes_the_key(checkout: Workspace) -> None:
    before = ARTIFACTS["apiserver"].key(checkout)
    (checkout.tools / "local-apiserver" / "another.go").write_text("package main\n")
    assert ARTIFACTS["apiserver"].key(checkout) != before


def test_it_is_built_once_and_again_after_a_change(checkout: Workspace, builds: Builds) -> None:
    first = ensure_artifact("trial", checkout)
    assert ensure_artifact("trial", checkout) == first
    assert first.read_text() == "one"
    (checkout.tools / "trial" / "a.src").write_text("two")
    second = ensure_artifact("trial", checkout)
    assert (second.read_text(), len(builds)) == ("two", 2)
    (checkout.tools / "trial" / "a.src").write_text("one")
    assert ensure_artifact("trial", checkout) == first
    assert len(builds) == 2


def test_two_that_ask_at_once_build_once(checkout: Workspace, builds: Builds) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(lambda _: ensure_artifact("trial", checkout), range(4)))
    assert len(results) == len(builds) == 1


def test_a_failed_build_is_no_result_and_is_tried_again(
    checkout: Workspace, builds: Builds, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = ARTIFACTS["trial"]

    def fail(source: Path, target: Path, report: Report) -> None:
        (target / "result").write_text("half")
        raise BuildError("the compiler says no")

    monkeypatch.setitem(ARTIFACTS, "trial", Artifact(good.title, good.source, good.patterns, fail, good.entry))
    with pytest.raises(BuildError, match="says no"):
        ensure_artifact("trial", checkout)
    monkeypatch.setitem(ARTIFACTS, "trial", good)
    assert ensure_artifact("trial", checkout).read_text() == "one"


def test_an_unknown_artefact_is_named(checkout: Workspace) -> None:
    known = ", ".join(ARTIFACTS)
    with pytest.raises(LocalFleetError, match=f"no artefact 'compiler'; there are: {known}"):
        ensure_artifact("compiler", checkout)


def test_a_compile_error_reaches_the_user(checkout: Workspace) -> None:
    source = checkout.tools / "local-apiserver"
    for file in source.glob("*.go"):
        file.unlink()  # what they import would be compiled first, for minutes
    (source / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    with pytest.raises(BuildError, match=r"(?s)`.*go build` failed in .*undefined: nonsense"):
        ensure_artifact("apiserver", checkout)


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def nothing(folder: Path) -> None:
    folder.mkdir()


def old_go(folder: Path) -> None:
    script(folder, "go", "echo go version go1.20.1 linux/amd64")


def old_java(folder: Path) -> None:
    script(folder, "mvn", "echo 'Apache Maven 3.9.9'; echo 'Java version: 11.0.1, vendor: X'")


@pytest.mark.parametrize(
    ("name", "machine", "sentence"),
    [
        ("apiserver", nothing, r"Go is missing: install Go 1\.26 or newer from https://go\.dev/dl"),
        ("pulumi", nothing, r"Go is missing: install Go 1\.26"),
        ("apiserver", old_go, r"Go at .* is older than 1\.26: install"),
        ("crds", nothing, r"Maven is missing: install it"),
        ("crds", old_java, r"Java 17 is missing, or Maven does not find it: install a JDK 17"),
    ],
)
def test_a_missing_prerequisite_is_one_sentence(
    checkout: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    machine: Callable[[Path], None],
    sentence: str,
) -> None:
    machine(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(MissingPrerequisiteError, match=f"^{sentence}[^\n]*$"):
        ensure_artifact(name, checkout)


def test_the_command_says_it_without_a_traceback(checkout: Workspace, tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(checkout.tools / "localfleet" / "src")}
    command = [sys.executable, "-m", "cmf_localfleet", "build", "crds"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    lines = [line for line in result.stderr.splitlines() if not line.endswith("...")]
    assert len(lines) == 1
    assert re.match("Maven is missing: ", lines[0])
