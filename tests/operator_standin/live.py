"""A namespace of a real API server as the place of a scenario's acts."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from flink_operator_standin.machine import PLURALS, Key
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.operator_standin import objects
from tests.operator_standin.observed import GONE, reduce
from tests.support.wait import wait_for

Json = dict[str, Any]
_TIMEOUT = (5.0, 30.0)
_PATH = (objects.GROUP, "v1beta1")


class LiveCluster:
    """Acts on objects of one namespace; keys of scenarios, which name `default`, are taken to be in it."""

    def __init__(self, kubeconfig: Path, namespace: str, patience: float = 60.0) -> None:
        self.namespace = namespace
        self._patience = patience
        self._api: client.ApiClient = config.new_client_from_config_dict(  # type: ignore[no-untyped-call]
            yaml.safe_load(kubeconfig.read_text())
        )
        self._objects = client.CustomObjectsApi(self._api)
        self._core = client.CoreV1Api(self._api)

    def __enter__(self) -> Self:
        versions = []
        # A kind that was defined a moment ago has no history from before that.
        for plural in ("flinkdeployments", "flinksessionjobs"):
            listed: Any = self._objects.list_namespaced_custom_object(
                *_PATH, self.namespace, plural, _request_timeout=_TIMEOUT
            )
            versions.append(int(listed["metadata"]["resourceVersion"]))
        self._start_version = str(max(versions))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.close()  # type: ignore[no-untyped-call]

    def called(self, name: str) -> str:
        """Return the name that an object of a scenario has here."""
        return name

    def apply(self, resource: Json) -> None:
        """Create an object."""
        about = {**resource["metadata"], "namespace": self.namespace, "name": self.called(resource["metadata"]["name"])}
        resource = {**resource, "metadata": about}
        self._objects.create_namespaced_custom_object(
            *_PATH, self.namespace, PLURALS[resource["kind"]], resource, _request_timeout=_TIMEOUT
        )

    def patch(self, key: Key, change: Json) -> None:
        """Merge a change into an object."""
        self._objects.patch_namespaced_custom_object(*self._path(key), change, _request_timeout=_TIMEOUT)

    def delete(self, key: Key) -> None:
        """Delete an object."""
        self._objects.delete_namespaced_custom_object(*self._path(key), _request_timeout=_TIMEOUT)

    def get(self, key: Key) -> Json | None:
        """The object, or None."""
        try:
            found: Any = self._objects.get_namespaced_custom_object(*self._path(key), _request_timeout=_TIMEOUT)
        except ApiException as error:
            if error.status != 404:
                raise
            return None
        return dict(found)

    def state(self, key: Key) -> Json:
        """The object's comparable state."""
        found = self.get(key)
        return GONE if found is None else reduce(found)

    def wait_for(self, key: Key, what: str, **wanted: Any) -> Json:
        """Wait until the object's state has these values (`job`: the job's state)."""

        def reached() -> Json | None:
            state = self.state(key)
            return state if wanted.items() <= {**state, "job": state.get("job", {}).get("state")}.items() else None

        found = wait_for(reached, what, seconds=self._patience, every=0.05)
        assert found is not None
        return found

    def wait_for_job(self, key: Key, state: str) -> None:
        """Wait until the job is in a state."""
        self.wait_for(key, f"job {state} of {key}", job=state)

    def wait_gone(self, key: Key) -> None:
        """Wait until the object is deleted."""
        wait_for(lambda: self.get(key) is None, f"the deletion of {key}", seconds=self._patience, every=0.05)

    def history(self, key: Key) -> list[Json]:
        """The distinct states that the object went through, which the API server still remembers."""
        response: Any = self._objects.list_namespaced_custom_object(
            *_PATH,
            self.namespace,
            PLURALS[key[0]],
            field_selector=f"metadata.name={self.called(key[2])}",
            resource_version=self._start_version,
            watch=True,
            timeout_seconds=1,
            _preload_content=False,
            _request_timeout=_TIMEOUT,
        )
        states: list[Json] = []
        for line in response.data.decode().splitlines():
            event = json.loads(line)
            assert event["type"] != "ERROR", event
            state = GONE if event["type"] == "DELETED" else reduce(event["object"])
            if not states or states[-1] != state:
                states.append(state)
        return states

    def events(self, key: Key) -> list[tuple[str | None, str | None, int | None]]:
        """Reason, message and count of the events about an object."""
        found = self._core.list_namespaced_event(
            self.namespace, field_selector=f"involvedObject.name={self.called(key[2])}", _request_timeout=_TIMEOUT
        )
        return [(event.reason, event.message, event.count) for event in found.items]

    def _path(self, key: Key) -> tuple[str, str, str, str, str]:
        return *_PATH, self.namespace, PLURALS[key[0]], self.called(key[2])
