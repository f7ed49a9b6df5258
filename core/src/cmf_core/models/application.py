"""FlinkApplication: one Flink job in a cluster of its own, as a FlinkDeployment (E02-E07, E19); and what it leaves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cmf_core.models.base import Metadata, Model, Resource


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


class InstanceJobStatus(Model):
    """Last known job of an instance; both texts are empty before it has one."""

    job_id: str | None = None
    state: str | None = None


class ApplicationInstanceStatus(Model):
    """What an instance deployed: the environment's defaults over the application's spec, and its job."""

    spec: dict[str, Any] | None = None
    job_status: InstanceJobStatus | None = None


class FlinkApplicationInstance(Resource):
    """An instance of an application: one deployed specification. Its name is its uid."""

    kind: Literal["FlinkApplicationInstance"] = "FlinkApplicationInstance"
    status: ApplicationInstanceStatus | None = None


class EventDataNewStatus(Model):
    """Of CLUSTER_STATUS and JOB_STATUS: the status that follows."""

    new_status: str


class EventDataJobException(Model):
    """Of JOB_EXCEPTION: the exception with its causes."""

    exception_string: str


class EventStatus(Model):
    """What happened; `type` is CMF_STATUS, CLUSTER_STATUS, JOB_STATUS or JOB_EXCEPTION, `data` None for the first."""

    message: str | None = None
    type: str | None = None
    data: EventDataNewStatus | EventDataJobException | None = None


class EventMetadata(Metadata):
    """Name of an event, which is its uid, its time, and the instance that it is about."""

    flink_application_instance: str | None = None


class FlinkApplicationEvent(Resource):
    """Something that happened to an application."""

    api_version: str = "cmf.confluent.io/v1alpha1"
    kind: Literal["FlinkApplicationEvent"] = "FlinkApplicationEvent"
    metadata: EventMetadata = Field(default_factory=EventMetadata)
    status: EventStatus
