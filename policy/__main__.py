"""The policy pack: `pulumi preview --policy-pack policy`. It needs the package `pulumi-cmf-policy`."""

from pulumi_cmf_policy.pack import NAME, POLICIES
from pulumi_policy import PolicyPack

PolicyPack(NAME, POLICIES)
