"""Policies on stacks with resources of CMF, dynamic and native ones alike; it imports `cmf_core` and Pulumi's SDK.

A module a noun, each with its policies; `pack` lists them all and `policy/__main__.py` serves that. What a policy
decides is decided by `cmf_core.rules` where there is a rule; its tags are the ids of docs/rules.md. A policy on
one resource runs before that is changed. One that needs an environment's defaults sees the whole stack: Pulumi
runs it at the end of a preview, and at the end of an update. ``comment`` is the command that turns a preview with the
policies' results into a comment on a pull request.
"""
