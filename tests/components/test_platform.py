"""The example of a whole platform: up, one cluster more, one less."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cmf_localfleet import Workspace
from cmf_localfleet.connection import connect
from cryptography.hazmat.primitives.serialization import pkcs12
from kubernetes.client import CoreV1Api

from tests.components.conftest import Components
from tests.support.hub import Hub, Spoke
from tests.support.pictures import is_drawn


@pytest.mark.rule("C09", "C41", "C52", "E02", "E43")
def test_a_cluster_more_or_less_touches_no_other(program: Components, fleet: dict[str, Spoke], cmf: Hub) -> None:
    example = Workspace.find().root / "examples" / "platform"
    for file in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(example / file, program.folder / file)
    text = (program.folder / "__main__.py").read_text()
    assert "    pool=flink,\n" in text
    (program.folder / "__main__.py").write_text(text.replace("pool=flink,\n", "pool=flink,\n    internal_tls=True,\n"))
    program.run("stack", "init", "platform")
    program.run("config", "set", "operatorRepository", "https://charts.example.com")
    program.run("config", "set", "stateUri", "s3://bucket/flink")
    paths = {"first": fleet["spoke"].cluster.kubeconfig, "second": fleet["home"].cluster.kubeconfig}

    use(program, first=paths["first"])
    program.up()
    is_drawn("platform", program.folder, program.environment)
    application = cmf.get("/environments/orders-first/applications/smoke-test").json()
    assert application["status"]["jobStatus"]["state"] == "RUNNING"
    assert application["spec"]["image"] == "flink:1.20"
    assert cmf.get("/environments/orders-first/compute-pools/orders-first-default").status_code == 200
    environment = cmf.get("/environments/orders-first").json()
    configuration = environment["flinkApplicationDefaults"]["spec"]["flinkConfiguration"]
    assert configuration["state.checkpoints.dir"] == "s3://bucket/flink/checkpoints"
    assert configuration["security.ssl.internal.enabled"] == "true"
    with connect(paths["first"]) as client:
        secret: Any = CoreV1Api(client).read_namespaced_secret("flink-tls", "orders")
    store = base64.b64decode(secret.data["keystore.p12"])
    key, certificate, _ = pkcs12.load_key_and_certificates(store, b"changeit")
    assert key is not None
    assert certificate is not None
    assert key.public_key() == certificate.public_key()

    use(program, **paths)
    said = program.run("preview", "--json", "--show-sames")
    steps = json.loads(said[: said.rindex("}") + 1])["steps"]
    changed = {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}
    assert set(changed.values()) == {"create"}
    assert not [name for name in changed if "first" in name]

    # One comes and one goes, in one update.
    use(program, second=paths["second"])
    program.up()
    assert cmf.cluster_state("first") is None
    assert cmf.cluster_state("second") == "CONNECTED"
    assert cmf.get("/environments/orders-second/applications/smoke-test").status_code == 200
    assert fleet["spoke"].deployments("orders") == {}


def use(program: Components, **kubeconfigs: Path) -> None:
    """Choose the clusters of the platform."""
    program.environment["SPOKE_KUBECONFIGS"] = ",".join(f"{name}={path}" for name, path in kubeconfigs.items())
