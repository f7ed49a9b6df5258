"""Sizing: from what a job has to do to what it needs. Pure, and the command `cmf-size` over it."""

from cmf_core.rules.sizing import Complexity, Rates, SizingError, Skew, Workload

from pulumi_cmf_components.sizing.estimate import Estimate, estimate

__all__ = ["Complexity", "Estimate", "Rates", "SizingError", "Skew", "Workload", "estimate"]
