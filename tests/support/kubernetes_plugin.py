"""A stand-in for the plugin of pulumi-kubernetes, which package registries do not have: enough of it for our programs.

It applies what it gets by server-side apply, to the cluster that the provider's kubeconfig names, and deletes it. It
waits for nothing, as on clusters without nodes nothing starts. A Helm release is written down as a ConfigMap: no chart
is rendered. Deleted namespaces go at once, as a namespace controller would see to if there was one.

Run as the engine does: `python kubernetes_plugin.py ENGINE`.
"""

import json
import sys
import tempfile
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import yaml
from google.protobuf import empty_pb2, struct_pb2
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config_dict
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

RELEASE = "kubernetes:helm.sh/v3:Release"
_SECRET = ("data", "stringData")
_IMMUTABLE = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("roleRef",),
    ("spec", "selector"),
    ("spec", "volumeClaimTemplates"),
    ("spec", "storageClassName"),
)
_SECONDS = 20


class Cluster:
    """Calls to one cluster."""

    def __init__(self, kubeconfig: str) -> None:
        text = Path(kubeconfig).read_text() if Path(kubeconfig[:200]).is_file() else kubeconfig
        client: ApiClient = new_client_from_config_dict(yaml.safe_load(text))  # type: ignore[no-untyped-call]
        cache = tempfile.mktemp(prefix="discovery-")
        self._client = DynamicClient(client, cache_file=cache)  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()

    def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        api, place = self._api(manifest), _place(manifest)
        applied: dict[str, Any] = api.server_side_apply(
            body=manifest, field_manager="pulumi", force_conflicts=True, _request_timeout=_SECONDS, **place
        ).to_dict()
        return applied

    def get(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._api(manifest).get(_request_timeout=_SECONDS, **_place(manifest)).to_dict()
        except ApiException as error:
            if error.status != 404:
                raise
            return None
        return found

    def delete(self, manifest: dict[str, Any]) -> None:
        try:
            self._api(manifest).delete(_request_timeout=_SECONDS, **_place(manifest))
        except ApiException as error:
            if error.status != 404:
                raise
        if manifest["kind"] == "Namespace":
            name = manifest["metadata"]["name"]
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}}
            self._client.client.call_api(
                "PUT", f"{self._client.configuration.host}/api/v1/namespaces/{name}/finalize",
                header_params={"Content-Type": "application/json", **self._client.client.default_headers},
                body=body, _request_timeout=_SECONDS,
            )  # fmt: skip

    def _api(self, manifest: dict[str, Any]) -> Any:
        with self._lock:  # discovery is not safe for threads
            try:
                return self._client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
            except ResourceNotFoundError as error:
                raise ValueError(f"the cluster does not know {manifest['apiVersion']} {manifest['kind']}") from error


def _place(manifest: dict[str, Any]) -> dict[str, str]:
    metadata = manifest["metadata"]
    place = {"name": metadata["name"]}
    return {**place, "namespace": metadata["namespace"]} if metadata.get("namespace") else place


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's calls."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="4.34.2")

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.GetSchemaResponse(schema='{"name": "kubernetes"}')

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind = provider_pb2.DiffResponse
        changed = request.olds != request.news
        return kind(changes=kind.DIFF_SOME if changed else kind.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        given = _plain(request.args)
        if isinstance(given.get("kubeconfig"), str):
            self._cluster = Cluster(given["kubeconfig"])
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        failures = []
        if _type(request.urn) != RELEASE and not (_plain(request.news).get("metadata") or {}).get("name"):
            reason = "no metadata.name: names that Pulumi makes up are left to the real plugin"
            failures.append(provider_pb2.CheckFailure(property="metadata", reason=reason))
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        olds, news = _plain(request.old_inputs), _plain(request.news)
        changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        replaces = [".".join(path) for path in _IMMUTABLE if _at(olds, path) != _at(news, path)]
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and _at(olds, ("metadata", "name")) == _at(news, ("metadata", "name")),
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        name = request.urn.rpartition("::")[2]
        state = self._apply(request, request.properties, context)
        metadata = _plain(request.properties).get("metadata") or {}
        id_ = "/".join(filter(None, (metadata.get("namespace"), metadata.get("name") or name)))
        return provider_pb2.CreateResponse(id="" if request.preview else id_, properties=state)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.UpdateResponse(properties=self._apply(request, request.news, context))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs = _plain(request.inputs or request.properties)
        found = self._here(context).get(_manifest(_type(request.urn), inputs, request.urn))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._tried(
            context,
            lambda: self._here(context).delete(_manifest(_type(request.urn), _plain(request.properties), request.urn)),
        )
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def _here(self, context: Any) -> Cluster:
        if self._cluster is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the provider has no kubeconfig")
        assert self._cluster is not None
        return self._cluster

    def _apply(self, request: Any, inputs: struct_pb2.Struct, context: Any) -> struct_pb2.Struct:
        """Apply, and return the outputs: the inputs with secrets as they are, and a release's status."""
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(inputs)
        if _type(request.urn) == RELEASE:
            outputs.update({"status": {"status": "deployed", "name": _plain(inputs)["name"], "revision": 1}})
        if not request.preview:
            manifest = _manifest(_type(request.urn), _plain(inputs), request.urn)
            self._tried(context, lambda: self._here(context).apply(manifest))
        return outputs

    @staticmethod
    def _tried(context: Any, work: Any) -> Any:
        try:
            return work()
        except (ApiException, ValueError) as error:
            told = json.loads(error.body).get("message") if isinstance(error, ApiException) and error.body else error
            context.abort(grpc.StatusCode.UNKNOWN, str(told))


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _plain(values: struct_pb2.Struct) -> dict[str, Any]:
    """Return properties with secrets as plain values."""
    plain: dict[str, Any] = _unwrapped(rpc.deserialize_properties(values, keep_unknowns=True))
    return plain


def _unwrapped(value: Any) -> Any:
    if rpc.is_rpc_secret(value):
        return _unwrapped(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items() if key != "__defaults"}
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _manifest(type_: str, inputs: dict[str, Any], urn: str) -> dict[str, Any]:
    """Return what to apply: the object itself; for a release, a ConfigMap that has its chart and values."""
    if type_ != RELEASE:
        _, api_version, kind = type_.split(":")
        group, _, version = api_version.rpartition("/")
        present = {"apiVersion": f"{group}/{version}" if group and group != "core" else version, "kind": kind}
        return {**present, **{key: value for key, value in inputs.items() if key not in ("status", "__inputs")}}
    name = inputs.get("name") or urn.rpartition("::")[2]
    written = {key: json.dumps(value, sort_keys=True) for key, value in inputs.items() if key != "status"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"helm-release-{name}", "namespace": inputs.get("namespace") or "default"},
        "data": written,
    }


def main() -> None:
    """Serve, and tell the engine our port."""
    server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - how the engine learns the port
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
