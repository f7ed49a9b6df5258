"""How Flink and the job that runs SQL are made of the sources below ``tools/``. A change here makes both anew."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cmf_localfleet.builds import run_logged
from cmf_localfleet.prerequisites import require_maven
from cmf_localfleet.progress import Report


def build_flink(source: Path, target: Path, report: Report) -> None:
    """Put a Flink distribution without its scripts into ``bin``, ``lib``, ``opt`` and ``plugins``."""
    maven, log, packages = require_maven(), target.with_name("build.log"), target / "packages"
    run_logged([sys.executable, "-m", "venv", str(target / "pip")], source, {}, log, report)
    install = [str(target / "pip/bin/pip"), "install", "--no-deps", "--require-hashes", "--target", str(packages)]
    run_logged([*install, "--requirement", str(source / "requirements.txt")], source, {}, log, report)
    for folder in ("bin", "lib", "opt", "plugins"):
        (packages / "pyflink" / folder).rename(target / folder)
    shutil.rmtree(packages)
    shutil.rmtree(target / "pip")
    command = [maven, "--batch-mode", "--file", str(source / "pom.xml"), f"-Dflink.directory={target}"]
    run_logged([*command, "process-resources"], source, {}, log, report)


def build_sql_runner(source: Path, target: Path, report: Report) -> None:
    """Make ``sql-runner.jar``."""
    command = [require_maven(), "--batch-mode", "--file", str(source / "pom.xml"), f"-Drunner.directory={target}"]
    run_logged([*command, "package"], source, {}, target.with_name("build.log"), report)
    shutil.rmtree(target / "work")
