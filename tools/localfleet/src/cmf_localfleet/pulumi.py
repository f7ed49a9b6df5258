"""Where ``pulumi`` is: the official distribution on PATH if it is there, else what ``tools/`` builds."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.workspace import Workspace

_HOST = "pulumi-language-python"


def pulumi_directory(workspace: Workspace | None = None) -> Path:
    """Return the folder that has to be on PATH: ``pulumi``, its Python language host and provider.

    An installation on PATH is used if it has its own language host; one without cannot run a program.

    Raises:
        LocalFleetError: The CLI had to be built and could not be.
    """
    workspace = workspace or Workspace.find()
    installed = _installed(workspace)
    if installed is not None:
        return installed
    built = ensure_artifact("pulumi", workspace)
    _write_launcher(built, workspace)
    return built


def _installed(workspace: Workspace) -> Path | None:
    # Not what was built here: a shell that evaluated `make env` has that on PATH, of older sources perhaps.
    folders = [folder for folder in os.get_exec_path() if not Path(folder).is_relative_to(workspace.cache)]
    path = os.pathsep.join(folders)
    pulumi = shutil.which("pulumi", path=path)
    return Path(pulumi).parent if pulumi and shutil.which(_HOST, path=path) else None


def _write_launcher(folder: Path, workspace: Workspace) -> None:
    """Write the command that starts our language host with the interpreter that runs now."""
    host = workspace.tools / "pulumi-language-python" / "language_host.py"
    command = shlex.join([sys.executable, str(host), str(folder / "pulumi-language-python-exec")])
    text = f'#!/bin/sh\nexec {command} "$@"\n'
    launcher = folder / _HOST
    if launcher.is_file() and launcher.read_text() == text:
        return
    part = folder / f"{_HOST}.{os.getpid()}"
    part.write_text(text)
    part.chmod(0o755)
    part.rename(launcher)
