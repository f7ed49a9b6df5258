"""A Flink fleet on one machine: local Kubernetes clusters, operator stand-ins and a hub.

Used by ``make`` (command ``localfleet``) and by the tests (as a library). It launches the hub and
the stand-in as processes and imports neither; the product never imports this package. It runs from
a checkout only, since it builds what ``tools/`` holds and keeps it in the checkout's ``.cache/``.

Independent project: not affiliated with Confluent or the Apache Software Foundation.
"""

from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.cluster import LocalCluster
from cmf_localfleet.crds import install_crds
from cmf_localfleet.errors import LocalFleetError, MissingPrerequisiteError
from cmf_localfleet.flink import FlinkSession
from cmf_localfleet.ports import free_port
from cmf_localfleet.processes import ManagedProcess, ProcessState
from cmf_localfleet.workspace import Workspace

__all__ = [
    "FlinkSession",
    "LocalCluster",
    "LocalFleetError",
    "ManagedProcess",
    "MissingPrerequisiteError",
    "ProcessState",
    "Workspace",
    "ensure_artifact",
    "free_port",
    "install_crds",
]
