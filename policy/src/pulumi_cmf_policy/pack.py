"""All policies, in the order in which they are listed."""

from pulumi_cmf_policy import images, labels, regions, removal, sizes, state, versions

NAME = "cmf-fleet"
POLICIES = [
    *state.POLICIES,
    *images.POLICIES,
    *sizes.POLICIES,
    *removal.POLICIES,
    *regions.POLICIES,
    *labels.POLICIES,
    *versions.POLICIES,
]
