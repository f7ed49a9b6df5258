"""How long each step takes, as recorded from operator 1.7.0 with Flink 1.18.1 on two cores."""

from dataclasses import dataclass, fields
from typing import Self

DEFAULT_SPEED = 20.0
"""Recorded seconds a second: a deployment that took 22 s is STABLE after about 1.1 s."""


@dataclass(frozen=True)
class Timings:
    """Durations in seconds. The defaults are the recorded ones; `at_speed` divides them.

    The operator that was recorded ran with reconcile interval 15 s, REST-ready delay 3 s and progress check 3 s.
    """

    submit: float = 0.3
    """From `Starting deployment` to the JobManager's Deployment being there."""
    submit_session_job: float = 1.3
    """Upload of the jar and submission to a session cluster."""
    jobmanager_start: float = 17.8
    """From the Deployment to the JobManager's port being open."""
    jobmanager_restart: float = 11.5
    """From a JobManager that was killed to its successor's port being open."""
    rest_ready: float = 3.2
    """From an open port to an answer of the REST API."""
    crash_back_off: float = 18.5
    """From the Deployment to CrashLoopBackOff."""
    image_error: float = 3.0
    """From the Deployment to ErrImagePull."""
    cluster_delete: float = 2.3
    """Deletion of the JobManager's Deployment."""
    cancel: float = 0.25
    """Cancelling a job, with or without a savepoint."""
    savepoint: float = 3.2
    """A savepoint that was asked for, seen at the next progress check."""
    reconcile_interval: float = 15.1
    """When a quiet object is looked at again."""
    retry: float = 5.05
    """When a failed submission is tried again."""
    snapshot_retry: float = 10.0
    """When a failed snapshot is tried again; each further wait is twice as long (operator 1.10, not recorded)."""

    @classmethod
    def at_speed(cls, speed: float) -> Self:
        """The recorded durations divided by `speed`, which must be positive (ValueError)."""
        if speed <= 0:
            raise ValueError(f"the speed must be a positive number, got {speed}")
        recorded = cls()
        return cls(**{field.name: getattr(recorded, field.name) / speed for field in fields(cls)})
