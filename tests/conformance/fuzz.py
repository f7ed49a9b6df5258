"""Let Schemathesis call a hub by its OpenAPI document, with real clusters under it: `scripts/fuzz`.

All of its checks but one: an undeclared code, schema, media type or header, a 5xx that is no 503, wrong data that is
accepted, a resource that outlives its deletion or is not there after its creation, methods that are not refused. The
one that is left out wants everything accepted that fits the schema, and CMF's rules are more than a schema can say.

With another document (`--document`, CMF's own), requests are made of that one, and answers have to be what it says: no
5xx, its media types, its schemas, and its codes or such as `differences` has a reason for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.hooks import NAMES
from tests.support.fleet import running_fleet, start_hub
from tests.support.hub import Hub, pool

ROOT = Path(__file__).parents[2]
_CONFIG = Path(__file__).with_name("schemathesis.toml")
_OWN = ("--checks", "all", "--exclude-checks", "positive_data_acceptance,code_is_declared_or_explained")
_OTHER = (
    "--checks",
    "not_a_server_error,content_type_conformance,response_schema_conformance,code_is_declared_or_explained",
)


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        calls: number of requests.
        failures: number of distinct failures.
        text: what Schemathesis said.
    """

    calls: int
    failures: int
    text: str


def fuzz(hub: Hub, folder: Path, examples: int, seed: int, document: Path | None = None) -> Result:
    """Send requests to a hub.

    Args:
        hub: the hub.
        folder: where reports go.
        examples: random requests for each operation, besides those that the document's limits suggest.
        seed: same seed, same requests.
        document: OpenAPI document that requests and answers are held to; the hub's own if there is none.
    """
    for name in NAMES:
        hub.post("/environments", {"name": name, "kubernetesNamespace": "flink"})
        hub.post(f"/environments/{name}/compute-pools", pool(name, "DEDICATED"))
    report = folder / "report.json"
    url = str(hub.http.base_url)
    command: list[str | Path] = [
        Path(sys.executable).with_name("schemathesis"), "--config-file", _CONFIG, "run",
        document or f"{url}/openapi.json", "--url", url, *(_OTHER if document else _OWN), "--continue-on-failure",
        "--max-examples", str(examples), "--seed", str(seed), "--request-timeout", "60",
        "--suppress-health-check", "all", "--no-color", "--report", "json", "--report-json-path", report,
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.conformance.hooks", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if not report.exists():
        raise RuntimeError(f"Schemathesis failed:\n{run.stdout}\n{run.stderr}")
    summary = json.loads(report.read_text())
    if not summary["complete"] or summary["errors"]:
        raise RuntimeError(f"Schemathesis did not come to its end:\n{run.stdout}\n{run.stderr}")
    cases = summary["test_cases"]
    return Result(cases["generated"], cases["unique_failures"], run.stdout)


def main() -> int:
    """Run the clusters, a hub, and Schemathesis on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="random requests for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--document", type=Path, help="another OpenAPI document than the hub's own, as CMF's")
    chosen = parser.parse_args()
    document = chosen.document.absolute() if chosen.document else None
    with tempfile.TemporaryDirectory() as folder, running_fleet(Path(folder)) as fleet:
        hub = start_hub(fleet, Path(folder) / "hub")
        try:
            result = fuzz(hub, Path(folder), chosen.examples, chosen.seed, document)
        finally:
            hub.stop()
    sys.stdout.write(f"{result.text}\n{result.calls} calls, {result.failures} failures\n")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
