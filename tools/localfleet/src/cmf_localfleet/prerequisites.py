"""Programs that must be installed by hand. A missing one is one sentence that says how to get it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from cmf_localfleet.errors import MissingPrerequisiteError

_GO = (1, 26)
_JAVA = 17
_JAVA_ADVICE = (
    f"install a JDK {_JAVA} or newer (Debian: `apt install openjdk-17-jdk-headless`, others: https://adoptium.net) "
    "and set JAVA_HOME to it."
)

_PACKAGES = {
    "busybox": "busybox-static",
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}
"""Debian's packages of commands that have another name."""


def require_go(module: Path) -> str:
    """Return the ``go`` command that builds ``module``.

    Raises:
        MissingPrerequisiteError: There is none, or it is too old and does not fetch the newer one by itself.
    """
    wanted = ".".join(map(str, _GO))
    advice = f"install Go {wanted} or newer from https://go.dev/dl and put its bin folder on PATH."
    go = shutil.which("go")
    if go is None:
        raise MissingPrerequisiteError(f"Go is missing: {advice}")
    # Asked in the module's folder: since 1.21, go runs the version there that go.mod asks for.
    answer = subprocess.run([go, "version"], cwd=module, capture_output=True, text=True, check=False)
    found = re.search(r"go(\d+)\.(\d+)", answer.stdout)
    if found is None or (int(found[1]), int(found[2])) < _GO:
        raise MissingPrerequisiteError(f"Go at {go} is older than {wanted}: {advice}")
    return go


def require_java() -> str:
    """Return the ``java`` command.

    Raises:
        MissingPrerequisiteError: There is none.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        raise MissingPrerequisiteError(f"Java {_JAVA} is missing: {_JAVA_ADVICE}")
    return java


def require_jdk(tool: str) -> str:
    """Return a command of the JDK, such as ``jlink``.

    Raises:
        MissingPrerequisiteError: There is none.
    """
    home = os.environ.get("JAVA_HOME")
    command = shutil.which(tool, path=f"{home}/bin" if home else None)
    if command is None:
        raise MissingPrerequisiteError(f"{tool} of a JDK {_JAVA} is missing: {_JAVA_ADVICE}")
    return command


def require_command(name: str) -> str:
    """Return a command that Debian's packages have.

    Raises:
        MissingPrerequisiteError: There is none.
    """
    # Programs for administrators are not on everybody's path.
    command = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if command is None:
        package = _PACKAGES.get(name, name)
        raise MissingPrerequisiteError(f"`{name}` is missing: install it (Debian: `apt install {package}`).")
    return command


def require_maven() -> str:
    """Return the ``mvn`` command.

    Raises:
        MissingPrerequisiteError: Maven or Java is missing, or Java is too old.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingPrerequisiteError(
            "Maven is missing: install it with your package manager (Debian: `apt install maven`, "
            "macOS: `brew install maven`) or from https://maven.apache.org/download.cgi."
        )
    answer = subprocess.run([maven, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r"Java version: (\d+)", answer.stdout)
    if found is None or int(found[1]) < _JAVA:
        raise MissingPrerequisiteError(f"Java {_JAVA} is missing, or Maven does not find it: {_JAVA_ADVICE}")
    return maven
