"""What is built on this machine, kept in the checkout's ``.cache/`` and built again only when its sources change."""

from __future__ import annotations

import hashlib
import inspect
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cmf_localfleet import builds, flink_builds, language_builds, node_builds
from cmf_localfleet.errors import LocalFleetError
from cmf_localfleet.locking import locked
from cmf_localfleet.progress import step
from cmf_localfleet.workspace import Workspace


@dataclass(frozen=True)
class Artifact:
    """A part that :func:`ensure_artifact` makes.

    Args:
        title: What the person who waits sees.
        source: Folder below ``tools/``.
        patterns: Files of it that decide what comes out.
        build: Makes it of the source folder, into an empty folder, reporting its steps; gets where each of `needs` is
            by keyword, as in ``sql_runner``.
        entry: The file of it that callers want; the whole folder if empty.
        needs: Other artefacts that it is made of.
    """

    title: str
    source: str
    patterns: tuple[str, ...]
    build: Callable[..., None]
    entry: str = ""
    needs: tuple[str, ...] = ()

    def key(self, workspace: Workspace) -> str:
        """Return a short hash of everything that decides what comes out."""
        source = workspace.tools / self.source
        files = sorted(file for pattern in self.patterns for file in source.glob(pattern))
        digest = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
        for file in (*files, Path(inspect.getfile(self.build))):
            digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
        for name in self.needs:
            digest.update(ARTIFACTS[name].key(workspace).encode())
        return digest.hexdigest()[:16]


_GO_FILES = ("go.mod", "go.sum", "*.go")

ARTIFACTS = {
    "apiserver": Artifact(
        title="Building a local Kubernetes API server (3 minutes the first time)",
        source="local-apiserver",
        patterns=_GO_FILES,
        build=builds.build_apiserver,
        entry="local-apiserver",
    ),
    "crds": Artifact(
        title="Fetching the Flink operator's CRDs",
        source="flink-operator-crds",
        patterns=("pom.xml",),
        build=builds.build_crds,
    ),
    "flink": Artifact(
        title="Fetching Flink (230 MB)",
        source="flink",
        patterns=("pom.xml", "requirements.txt"),
        build=flink_builds.build_flink,
    ),
    "sql-runner": Artifact(
        title="Building the job that runs SQL",
        source="sql-runner",
        patterns=("pom.xml", "src/**/*.java"),
        build=flink_builds.build_sql_runner,
        entry="sql-runner.jar",
    ),
    "node": Artifact(
        title="Building what a Kubernetes node runs (4 minutes the first time)",
        source="kubernetes-node",
        patterns=("**/go.mod", "**/go.sum", "**/*.go"),
        build=node_builds.build_node,
    ),
    "counting-job": Artifact(
        title="Building the job that counts",
        source="counting-job",
        patterns=("pom.xml", "src/**/*.java"),
        build=node_builds.build_counting_job,
        entry="counting.jar",
    ),
    "images": Artifact(
        title="Making images of the Flink operator and of Flink",
        source="container-images",
        patterns=("*",),
        build=node_builds.build_images,
        needs=("node", "flink", "sql-runner", "counting-job"),
    ),
    "pulumi": Artifact(
        title="Building the Pulumi CLI (3 minutes the first time)",
        source="pulumi",
        patterns=_GO_FILES,
        build=builds.build_pulumi,
    ),
    "pulumi-languages": Artifact(
        title="Building what runs YAML programs and writes SDKs",
        source="pulumi-languages",
        patterns=_GO_FILES,
        build=language_builds.build_languages,
    ),
}


def ensure_artifact(name: str, workspace: Workspace | None = None) -> Path:
    """Return where the artefact ``name`` is, and build it first if there is none of the present sources.

    Two processes that ask at once build once. An interrupted build leaves nothing that could be taken
    for a finished one.

    Raises:
        LocalFleetError: It could not be built; the message says what to do or ends with the log.
    """
    artifact = ARTIFACTS.get(name)
    if artifact is None:
        raise LocalFleetError(f"There is no artefact {name!r}; there are: {', '.join(ARTIFACTS)}.")
    workspace = workspace or Workspace.find()
    folder = workspace.cache / name
    finished = folder / artifact.key(workspace)
    if not finished.is_dir():
        with locked(folder / "lock"):
            if not finished.is_dir():
                unfinished = folder / "unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                needs = {need.replace("-", "_"): ensure_artifact(need, workspace) for need in artifact.needs}
                with step(artifact.title) as report:
                    artifact.build(workspace.tools / artifact.source, unfinished, report, **needs)
                unfinished.rename(finished)
    return finished / artifact.entry
