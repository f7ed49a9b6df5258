"""The operator's custom resources, as the Kubernetes API names them (cmf.md 4.1)."""

from __future__ import annotations

from enum import StrEnum

VERSION = "v1beta1"
"""Version of the operator's API group; the same for all kinds since operator 1.0."""


class FlinkResource(StrEnum):
    """A kind of the Flink Kubernetes Operator; the value is its `kind`."""

    DEPLOYMENT = "FlinkDeployment"
    SESSION_JOB = "FlinkSessionJob"
    STATE_SNAPSHOT = "FlinkStateSnapshot"

    @property
    def plural(self) -> str:
        """Name in URLs and in the CRD."""
        return f"{self.lower()}s"


FLINK_DEPLOYMENT = FlinkResource.DEPLOYMENT
FLINK_SESSION_JOB = FlinkResource.SESSION_JOB
FLINK_STATE_SNAPSHOT = FlinkResource.STATE_SNAPSHOT
