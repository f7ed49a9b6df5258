"""DetachedSavepoint."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import TimeoutsArgs
from pulumi_cmf.dynamic.providers import DetachedSavepointProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import SavepointFormat, Timeouts


class DetachedSavepoint(CmfResource, module="cmf", name="DetachedSavepoint"):
    """State of a Flink job that no application owns, for applications to start from, on another cluster too (E51).

    CMF has no update of it: every change replaces it. Deletion never deletes the data. Its id is its name.
    """

    path: Output[str]
    format_type: Output[str | None]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    state: Output[str | None]
    """State, COMPLETED for one whose data are there."""

    _front = DetachedSavepointProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        path: Input[str],
        name: Input[str] | None = None,
        format_type: Input[SavepointFormat] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a detached savepoint.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            path: where the data are, such as `s3://bucket/savepoints/savepoint-1a2b`.
            name: 4 to 253 characters. Default: `resource_name`.
            format_type: CANONICAL (default) can be read by every state backend, NATIVE only by the one of the job.
            labels: CMF's labels of it.
            annotations: CMF's annotations of it.
            timeouts: seconds; `delete`, default 60.
        """
        inputs = {
            "path": path,
            "name": resource_name if name is None else name,
            "format_type": format_type,
            "labels": labels,
            "annotations": annotations,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> DetachedSavepoint:  # noqa: A002
        """Read a detached savepoint that is managed elsewhere; its id is its name."""
        return DetachedSavepoint._get(resource_name, id, opts)
