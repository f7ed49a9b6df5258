"""Helm charts: which one, from where, with which values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, Required, TypedDict

import pulumi
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs


class Chart(TypedDict, total=False):
    """A Helm chart. This package knows no chart repository: say where yours is."""

    chart: Required[str]
    """Name in the repository, path of a folder or archive, or an `oci://` address."""
    repository: NotRequired[str]
    """Address of the chart repository; left out for a path or an `oci://` address."""
    version: NotRequired[str]
    """Version, such as `1.13.0`, or a range, such as `~1.130.0`. Default: the newest."""


def release(
    resource_name: str,
    chart: Chart,
    namespace: pulumi.Input[str],
    values: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    skip_crds: bool = False,
) -> Release:
    """Describe a Helm release, which has the name of its resource.

    Args:
        resource_name: name in the Pulumi program, and of the release.
        chart: which chart.
        namespace: namespace of the release; it must exist.
        values: values of the chart.
        opts: options of every Pulumi resource.
        skip_crds: do not install the custom resource definitions in the chart's `crds` folder.
    """
    repository = chart.get("repository")
    return Release(
        resource_name,
        name=resource_name,
        chart=chart["chart"],
        version=chart.get("version"),
        repository_opts=RepositoryOptsArgs(repo=repository) if repository else None,
        namespace=namespace,
        values=values,
        skip_crds=skip_crds,
        opts=opts,
    )


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with others laid over them, mapping by mapping, as Helm does."""
    result = dict(base)
    for key, value in changes.items():
        present = result.get(key)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        result[key] = merged(present, value) if both else value  # type: ignore[arg-type]
    return result
