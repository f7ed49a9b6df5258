"""How the parts for other languages than Python are made: the host of YAML programs, and the writer of SDKs."""

from __future__ import annotations

from pathlib import Path

from cmf_localfleet.builds import Go
from cmf_localfleet.progress import Report


def build_languages(source: Path, target: Path, report: Report) -> None:
    """Make ``pulumi-language-yaml`` and ``pulumi-sdks``."""
    go = Go(source, target.with_name("build.log"), report)
    go.build("github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml", target / "pulumi-language-yaml", {})
    go.build(".", target / "pulumi-sdks", {})
