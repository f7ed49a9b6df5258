"""What CMF says of itself and of everything that it manages: system, licence, resources and their use."""

from __future__ import annotations

from pydantic import Field

from cmf_core.models.base import Model


class ProcessUsage(Model):
    """What the JobManagers, or the TaskManagers, of something are given: CPU in cores, memory in bytes."""

    cpu: float = 0.0
    memory: int = 0
    count: int = 0

    def __add__(self, other: ProcessUsage) -> ProcessUsage:
        """Return both together."""
        return ProcessUsage(cpu=self.cpu + other.cpu, memory=self.memory + other.memory, count=self.count + other.count)


class ResourceUsageSummary(Model):
    """CPU and memory of a resource, by the part of Flink that it is given to."""

    job_manager: ProcessUsage = Field(default_factory=ProcessUsage)
    task_manager: ProcessUsage = Field(default_factory=ProcessUsage)

    def __add__(self, other: ResourceUsageSummary) -> ResourceUsageSummary:
        """Return both together."""
        return ResourceUsageSummary(
            job_manager=self.job_manager + other.job_manager, task_manager=self.task_manager + other.task_manager
        )


class ResourcesByStatusAndType(Model):
    """How many applications there are in each job state, and how many statements in each phase."""

    applications: dict[str, int] | None = None
    statements: dict[str, int] | None = None


class Resources(Model):
    """How many resources of each kind there are; where a kind has a state, by state."""

    environments: int = 0
    applications: dict[str, int] = Field(default_factory=dict)
    compute_pools: int = 0
    statements: dict[str, int] = Field(default_factory=dict)
    secrets: int = 0
    catalogs: int = 0
    savepoints: int = 0
    detached_savepoints: int = 0
    kubernetes_clusters: dict[str, int] = Field(default_factory=dict)


class ResourceSummary(Model):
    """CPU in cores and memory in bytes of everything together."""

    cpu: float = 0.0
    memory: int = 0


class ResourceInformationStatus(Model):
    """Numbers of resources, and what they use."""

    resources: Resources
    resource_summary: ResourceSummary


class ResourceInformation(Model):
    """Answer of GET /resource-information."""

    status: ResourceInformationStatus


class SystemInformationStatus(Model):
    """Version, and the Git commit that it was built from."""

    version: str
    revision: str


class SystemInformation(Model):
    """Answer of GET /system-information."""

    status: SystemInformationStatus


class LicenseStatus(Model):
    """Validity (VALID, EXPIRED or INVALID), type, and end in milliseconds since 1970, absent if there is none."""

    status: str
    license_type: str
    expiration: int | None = None


class LicenseInformation(Model):
    """Answer of GET /c3/license."""

    kind: str
    status: LicenseStatus
