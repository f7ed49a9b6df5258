"""The hub's image, built without a daemon: it runs from its own root, as its own user, and writes only its data."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmf_localfleet import Workspace, free_port

from tests.support.wait import wait_for


@pytest.mark.skipif(os.geteuid() != 0, reason="changing the root folder takes root")
def test_a_hub_runs_from_its_unpacked_root(tmp_path: Path) -> None:
    archive, root = tmp_path / "hub.tar", tmp_path / "root"
    script = Workspace.find().root / "scripts" / "hub_image.py"
    subprocess.run([sys.executable, script, archive], check=True, timeout=280, capture_output=True)
    config = unpacked(archive, root)
    tmp_path.chmod(0o755)
    assert config["User"] == "1001:1001"
    port = free_port()
    variables = dict(each.split("=", 1) for each in config["Env"])
    change_root = shutil.which("chroot", path=f"{os.environ['PATH']}:/usr/sbin")
    assert change_root is not None
    command = [
        change_root,
        "--userspec",
        config["User"],
        root,
        *config["Entrypoint"],
        *config["Cmd"],
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE)
    try:

        def ready() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
            except httpx.TransportError:
                return False

        wait_for(ready, "the hub to answer", 120)  # it compiles everything: nothing may be kept
        owned = {str(path.relative_to(root)) for path in root.rglob("*") if path.stat().st_uid == 1001}
        assert {path.partition("/hub.db")[0] for path in owned} == {"var/lib/cmf"}
    finally:
        process.terminate()
        process.communicate(timeout=30)


def unpacked(archive: Path, root: Path) -> dict[str, Any]:
    """Unpack the layers of an OCI archive, and return its configuration."""
    with tarfile.open(archive) as image:

        def blob(described: dict[str, Any]) -> bytes:
            file = image.extractfile("blobs/" + described["digest"].replace(":", "/"))
            assert file is not None
            return file.read()

        index = image.extractfile("index.json")
        assert index is not None
        manifest = json.loads(blob(json.loads(index.read())["manifests"][0]))
        for described in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(described)))) as files:
                files.extractall(root, filter="fully_trusted")
        config: dict[str, Any] = json.loads(blob(manifest["config"]))["config"]
        return config
