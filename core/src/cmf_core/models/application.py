"""FlinkApplication: one Flink job in a cluster of its own, as a FlinkDeployment (E02-E07, E19)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cmf_core.models.base import Resource


class FlinkApplication(Resource):
    """An application. `spec` mirrors FlinkDeploymentSpec and `status` FlinkDeploymentStatus, both free-form."""

    kind: Literal["FlinkApplication"] = "FlinkApplication"
    spec: dict[str, Any] = Field(default_factory=dict)
    status: dict[str, Any] | None = None

    @property
    def job_state(self) -> str:
        """State of the Flink job, or an empty text before there is one."""
        return str(((self.status or {}).get("jobStatus") or {}).get("state") or "")

    @property
    def lifecycle_state(self) -> str:
        """The operator's lifecycleState, or an empty text before there is one."""
        return str((self.status or {}).get("lifecycleState") or "")
