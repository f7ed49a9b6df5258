"""Regions of clusters and environments."""

from __future__ import annotations

from cmf_core.rules.environments import placement
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)

from pulumi_cmf_policy.configuration import table, text, value
from pulumi_cmf_policy.deployments import by_name, each, resources
from pulumi_cmf_policy.resources import Described, matching

REGIONS = PolicyConfigSchema(
    {
        "environments": table(
            "Regions by patterns of environment names, as in `prod-eu-*: eu-central`; the first that fits. Empty: no "
            "environment is checked."
        ),
        "label": text("Label of a KubernetesCluster that names its region.", "region"),
        "clusters": table("Regions of clusters that are not in the stack, such as `default-k8s-cluster`, by name."),
    }
)


def regions(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report environments on a cluster of another region, or of none that is known (C06)."""
    wanted, elsewhere = value(args, REGIONS, "environments"), value(args, REGIONS, "clusters")
    label, clusters = value(args, REGIONS, "label"), by_name(resources(args, "KubernetesCluster"))

    def judge(environment: Described) -> None:
        expected = matching(wanted, environment.name)
        if expected is None:
            text = f"{environment.title} fits no pattern of the configured regions: add one"
            report(text, environment.urn)
            return
        name = placement(environment.properties.get("kubernetes_cluster_name"))
        cluster = clusters.get(name)
        region = cluster.object("labels").get(label) if cluster else elsewhere.get(name)
        if region == expected:
            return
        if region is None:
            way = f"give it the label '{label}'" if cluster else "name it in the configuration's 'clusters'"
            report(f"{environment.title}: nobody says in which region cluster '{name}' is: {way}", environment.urn)
        else:
            text = f"{environment.title} belongs in {expected}, and its cluster '{name}' is in {region}: use another"
            report(text, environment.urn)

    if wanted:
        each(resources(args, "Environment"), judge)


POLICIES = [
    StackValidationPolicy(
        name="environment-region",
        description="Environments are on clusters of their region.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=regions,
        config_schema=REGIONS,
        tags=["C06"],
    ),
]
