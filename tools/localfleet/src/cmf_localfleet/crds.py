"""The Flink operator's custom resource definitions on a cluster."""

from __future__ import annotations

from pathlib import Path

import yaml
from kubernetes.client import ApiextensionsV1Api

from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.connection import connect
from cmf_localfleet.errors import LocalFleetError
from cmf_localfleet.waiting import wait_until

_FIELD_MANAGER = "localfleet"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a second faster in C
_REQUEST_TIMEOUT = 60.0  # FlinkDeployment's definition is half a megabyte


def install_crds(kubeconfig: Path, timeout: float = 30.0) -> list[str]:
    """Apply the definitions that the stand-in goes by; see :func:`apply_crds`."""
    return apply_crds(kubeconfig, ensure_artifact("crds"), timeout)


def apply_crds(kubeconfig: Path, folder: Path, timeout: float = 30.0) -> list[str]:
    """Apply the definitions of a folder's ``*.yml``, wait until they are established, and return their names.

    May be repeated. The API server makes the first object of a new definition wait for two seconds:
    install early.

    Raises:
        LocalFleetError: One was not established within ``timeout`` seconds.
    """
    definitions = [yaml.load(file.read_text(), _LOADER) for file in sorted(folder.glob("*.yml"))]  # noqa: S506
    names: list[str] = [definition["metadata"]["name"] for definition in definitions]
    with connect(kubeconfig) as client:
        api = ApiextensionsV1Api(client)
        for name, definition in zip(names, definitions, strict=True):
            # Server-side: the other way of applying copies all of it into an annotation that may hold 256 KiB.
            api.patch_custom_resource_definition(
                name,
                definition,
                field_manager=_FIELD_MANAGER,
                force=True,
                _content_type="application/apply-patch+yaml",
                _request_timeout=_REQUEST_TIMEOUT,
            )
        if not wait_until(lambda: all(_is_established(api, name) for name in names), timeout):
            raise LocalFleetError(
                f"Not all of {names} were established after {timeout:.0f} s on the cluster of {kubeconfig}."
            )
    return names


def _is_established(api: ApiextensionsV1Api, name: str) -> bool:
    definition = api.read_custom_resource_definition(name, _request_timeout=_REQUEST_TIMEOUT)
    conditions = definition.status.conditions if definition.status else None
    return any(condition.type == "Established" and condition.status == "True" for condition in conditions or [])
