"""The Go client of CMF's document, made by the generator of Confluent's own client, and its walk through the API."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from cmf_localfleet.builds import run_logged
from cmf_localfleet.locking import locked
from cmf_localfleet.prerequisites import require_go, require_maven
from cmf_localfleet.workspace import Workspace

SOURCE = Path(__file__).with_name("go")
_FILES = ("pom.xml", "go.mod", "go.sum", "walk.go")


def walk(document: Path) -> Path:
    """Return the program that walks through the API with the client of a document; it is built once.

    Raises:
        LocalFleetError: Go, Maven or Java is missing, or the build failed.
    """
    digest = hashlib.sha256(document.read_bytes())
    for name in _FILES:
        digest.update((SOURCE / name).read_bytes())
    folder = Workspace.find().cache / "go-client"
    finished = folder / digest.hexdigest()[:16]
    with locked(folder / "lock"):
        if not finished.is_dir():
            unfinished = folder / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for name in _FILES:
                shutil.copy(SOURCE / name, unfinished)
            log = folder / "build.log"
            client = unfinished / "generated"
            maven = [require_maven(), "--batch-mode", f"-Ddocument={document}", f"-Dclient.directory={client}"]
            run_logged([*maven, "generate-sources"], unfinished, {}, log, _silent)
            go = [require_go(unfinished), "build", "-mod=readonly", "-o", "walk", "."]
            run_logged(go, unfinished, {"CGO_ENABLED": "0", "GOWORK": "off"}, log, _silent)
            unfinished.rename(finished)
    return finished / "walk"


def _silent(_: str) -> None:
    """Nobody watches."""
