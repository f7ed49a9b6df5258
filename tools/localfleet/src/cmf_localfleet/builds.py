"""How each part is made of the sources below ``tools/``. A change here makes them all anew."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cmf_localfleet.errors import BuildError, last_lines
from cmf_localfleet.prerequisites import require_go, require_maven
from cmf_localfleet.progress import Report

_KUBERNETES = "k8s.io/kubernetes"
_VERSION_PACKAGE = "k8s.io/component-base/version"
_PULUMI = "github.com/pulumi/pulumi/pkg/v3"
_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"


def build_apiserver(source: Path, target: Path, report: Report) -> None:
    """Make ``local-apiserver``, which reports Kubernetes' version as its own."""
    go = Go(source, target.with_name("build.log"), report)
    go.build(".", target / "local-apiserver", kubernetes_stamps(go))


def build_pulumi(source: Path, target: Path, report: Report) -> None:
    """Make the Pulumi CLI and put beside it the two scripts that Python programs need."""
    go = Go(source, target.with_name("build.log"), report)
    version = go.module(_PULUMI, "Version")
    go.build(f"{_PULUMI}/cmd/pulumi", target / "pulumi", {f"{_PULUMI_SDK}/go/common/version.Version": version})
    sdk = Path(go.module(_PULUMI_SDK, "Dir"))
    for script in ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"):
        copy = shutil.copyfile(sdk / script, target / Path(script).name)
        copy.chmod(0o755)


def build_crds(source: Path, target: Path, report: Report) -> None:
    """Unpack the operator's CRDs from its Maven artefact."""
    maven = require_maven()
    log = target.with_name("build.log")
    command = [maven, "--batch-mode", "--file", str(source / "pom.xml"), f"-Dcrds.directory={target}"]
    run_logged([*command, "process-resources"], source, {}, log, report)
    if not list(target.glob("*.yml")):
        raise BuildError(f"Maven succeeded and unpacked no CRD. The end of {log}:\n{last_lines(log)}")


def kubernetes_stamps(go: Go) -> dict[str, str]:
    """Return the values by which Kubernetes' programs report its version as theirs."""
    version = go.module(_KUBERNETES, "Version")
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return {f"{_VERSION_PACKAGE}.{key}": value for key, value in stamps.items()}


class Go:
    """The Go toolchain, in one module."""

    def __init__(self, module: Path, log: Path, report: Report) -> None:
        self._go = require_go(module)
        self._directory = module
        self._log = log
        self._report = report

    def module(self, name: str, field: str) -> str:
        """Return a field of ``go list -m``, such as the version that go.mod selects."""
        command = [self._go, "list", "-mod=readonly", "-m", "-f", f"{{{{.{field}}}}}", name]
        environment = {**os.environ, **_GO_ENVIRONMENT}
        answer = subprocess.run(
            command, cwd=self._directory, env=environment, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0 or not answer.stdout.strip():
            raise BuildError(f"`{' '.join(command)}` failed in {self._directory}: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def build(self, package: str, output: Path, stamps: dict[str, str]) -> None:
        """Make a command, with values for variables of its packages."""
        flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])
        command = [self._go, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", flags]
        run_logged([*command, "-o", str(output), package], self._directory, _GO_ENVIRONMENT, self._log, self._report)


_GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOWORK": "off"}


def run_logged(command: Sequence[str], directory: Path, environment: dict[str, str], log: Path, report: Report) -> None:
    """Run ``command``, writing what it says to ``log`` and reporting each line of it.

    Raises:
        BuildError: It failed; with the end of the log.
    """
    child_environment = {**os.environ, **environment}
    with (
        log.open("w") as out,
        subprocess.Popen(
            command,
            cwd=directory,
            env=child_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            out.write(line)
            report(line.strip())
    if child.returncode != 0:
        raise BuildError(f"`{' '.join(command[:2])}` failed in {directory}. The end of {log}:\n{last_lines(log)}")
