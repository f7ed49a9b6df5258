"""Record previews of the scenarios on a real engine, hub and clusters: `python -m tests.comment.record [NAME ...]`.

Writes `previews/`. What only this machine has (folders, ports, debug lines) is taken out; the rest is as it came.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from cmf_localfleet import Workspace

from tests.comment import scenarios
from tests.provider.program import Program
from tests.support.fleet import running_fleet
from tests.support.hub import Hub

PREVIEWS = Path(__file__).parent / "previews"
PACK = Path(__file__).parents[2] / "policy"
STREAM = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"
_NOISE = ("policyAnalyzeSummaryEvent", "policyRemediateSummaryEvent", "policyAnalyzeStackSummaryEvent")


def preview(program: Program, text: str, config: Path, *, stream: bool = True) -> str:
    """Return what a preview of a program says in JSON, with policies; whether it fails is not asked."""
    program.write(text)
    program.environment[STREAM] = "true" if stream else "false"
    return program.said(
        "preview", "--json", "--show-sames", "--policy-pack", str(PACK), "--policy-pack-config", str(config)
    )


def main(wanted: Collection[str]) -> None:
    """Record all, or those that are named, as in `changed-plugin`."""
    PREVIEWS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cmf-record-") as name, running_fleet(Path(name) / "fleet") as fleet:
        folder = Path(name)
        kubeconfig = fleet["spoke"].cluster.kubeconfig
        settings = {"CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet["home"].cluster.kubeconfig)}
        settings["CMF_ENCRYPTION_KEYS"] = base64.b64encode(os.urandom(32)).decode()
        hub = Hub(folder / "hub", settings)
        hub.start()
        try:
            hub.connected("default-k8s-cluster")
            for front in ("dynamic", "plugin"):
                _record(front, folder / front, hub, kubeconfig, wanted)
        finally:
            hub.stop()


def _record(front: str, folder: Path, hub: Hub, kubeconfig: Path, wanted: Collection[str]) -> None:
    folder.mkdir()
    config = folder / "policies.json"
    config.write_text(json.dumps(scenarios.POLICIES))
    program = Program(folder, Workspace.find(), plugin=front == "plugin")
    program.environment |= {"CMF_URL": str(hub.http.base_url), "CMF_KUBECONFIG_DIRECTORY": str(hub.kubeconfigs)}
    program.start()
    base = scenarios.base(kubeconfig)
    later = {scenario.__name__: scenario(kubeconfig) for scenario in scenarios.LATER}
    try:
        for name, text in {"first": base, **later, "digest": later["changed"]}.items():
            if wanted and f"{name}-{front}" not in wanted:
                continue
            if name != "first":
                program.up(base)
            _keep(f"{name}-{front}", preview(program, text, config, stream=name != "digest"), folder)
    finally:
        program.write(base)
        program.end()


def _keep(name: str, said: str, folder: Path) -> None:
    said = said.replace(str(PACK.parent), "/fleet").replace(str(folder), "/fleet").replace(str(folder.parent), "/fleet")
    said = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", said)
    if said.startswith("{\n"):
        end = said.rindex("}") + 1
        (PREVIEWS / f"{name}.json").write_text(json.dumps(_unplaced(json.loads(said[:end])), indent=4) + said[end:])
        return
    lines = [line for line in said.splitlines() if line.startswith("{") and not _is_noise(json.loads(line))]
    (PREVIEWS / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    sys.stdout.write(f"{name}: {len(lines)} events\n")


def _unplaced(value: Any) -> Any:
    """Return a digest without the places in programs, whose paths are this machine's."""
    if isinstance(value, dict):
        return {key: _unplaced(each) for key, each in value.items() if key not in {"stackTrace", "sourcePosition"}}
    return [_unplaced(each) for each in value] if isinstance(value, list) else value


def _is_noise(event: dict[str, object]) -> bool:
    told = event.get("diagnosticEvent")
    is_debug = isinstance(told, dict) and told.get("severity") == "debug"
    return is_debug or any(kind in event for kind in _NOISE)


if __name__ == "__main__":
    main(sys.argv[1:])
