"""The life of clusters against a model: files, outages, environments, life cycle and restarts in any order."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cmf_core.errors import CmfError
from cmf_core.models import DEFAULT_CLUSTER, ClusterState, KubernetesCluster
from cmf_hub.store import Key
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.hub.clusters.fakes import Hub

T = TypeVar("T")
NAMES = st.sampled_from(["a", "b"])
BROKEN = "broken"


@dataclass
class Model:
    """What the rules say of one cluster that has a record."""

    uid: str
    token: str | None = None
    connected: bool = False
    failures: int = 0
    decommissioned: bool = False
    detached: bool = False
    environments: set[str] = field(default_factory=set)

    @property
    def state(self) -> ClusterState:
        if self.decommissioned:
            return ClusterState.DECOMMISSIONED
        return ClusterState.CONNECTED if self.connected else ClusterState.DISCONNECTED

    def probe(self, reachable: bool) -> None:
        if self.token is None or self.decommissioned:
            return
        self.failures = 0 if reachable else self.failures + 1
        self.connected = reachable or (self.connected and self.failures < 3)

    def lose(self) -> None:
        self.token, self.connected, self.failures = None, False, 0


class Clusters(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.hub = Hub(self.folder)
        self.run(self.hub.start())
        self.models: dict[str, Model] = {}
        self.files: dict[str, str] = {}
        self.retired_uids: set[str] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.hub.stop())
        assert self.hub.world.open == []
        self.runner.close()
        shutil.rmtree(self.folder)

    def reachable(self, name: str) -> bool:
        return name not in self.hub.world.down

    @rule(name=NAMES, token=st.sampled_from(["one", "two"]))
    def write(self, name: str, token: str) -> None:
        self.run(self.hub.write(name, token))
        self.files[name] = token
        model = self.models.get(name)
        if model is None:
            uid = self.hub.registry.get(name).metadata.uid or ""
            assert uid not in self.retired_uids
            model = self.models[name] = Model(uid)
        if model.token != token:
            model.token = token
            model.probe(self.reachable(name))
        model.detached = False

    @rule(name=NAMES)
    def damage(self, name: str) -> None:
        self.run(self.hub.write(name, b"a: ["))
        self.files[name] = BROKEN

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        self.run(self.hub.remove(name))
        del self.files[name]
        model = self.models.get(name)
        if model is not None:
            model.lose()
            model.detached = True
            self.forget_unbound(name)

    def forget_unbound(self, name: str) -> None:
        model = self.models[name]
        if model.detached and not model.environments:
            self.retired_uids.add(model.uid)
            del self.models[name]

    @rule(name=NAMES)
    def outage(self, name: str) -> None:
        self.hub.world.down[name] = "is down"

    @rule(name=NAMES)
    def recovery(self, name: str) -> None:
        self.hub.world.down.pop(name, None)

    @rule(beats=st.integers(1, 3))
    def heartbeats(self, beats: int) -> None:
        before = {name: self.hub.world.probed(name) for name in self.models}
        self.run(self.hub.advance(60 * beats))
        for name, model in self.models.items():
            probed = model.token is not None and not model.decommissioned
            assert self.hub.world.probed(name) - before[name] == (beats if probed else 0)
            for _ in range(beats):
                model.probe(self.reachable(name))

    @precondition(lambda self: any(not model.decommissioned for model in self.models.values()))
    @rule(data=st.data(), environment=st.sampled_from(["prod", "test"]))
    def bind(self, data: st.DataObject, environment: str) -> None:
        name = data.draw(st.sampled_from(sorted(n for n, model in self.models.items() if not model.decommissioned)))
        if not any(environment in model.environments for model in self.models.values()):
            self.run(self.hub.bind(environment, name))
            self.models[name].environments.add(environment)

    @precondition(lambda self: any(model.environments for model in self.models.values()))
    @rule(data=st.data())
    def unbind(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(n for n, model in self.models.items() if model.environments)))
        self.run(self.hub.unbind(self.models[name].environments.pop()))
        self.run(self.hub.look())
        self.forget_unbound(name)

    @rule(name=NAMES, state=st.sampled_from(["ACTIVE", "DECOMMISSIONED"]))
    def set_life_cycle(self, name: str, state: str) -> None:
        status = 200
        try:
            self.run(self.hub.registry.update(name, KubernetesCluster.parse({"spec": {"lifecycleState": state}})))
        except CmfError as error:
            status = error.status
        self.run(self.hub.settle())
        model = self.models.get(name)
        if model is None:
            assert status == 404
        elif state == "DECOMMISSIONED":
            assert status == (400 if model.environments else 200)
            model.decommissioned = not model.environments
        else:
            assert status == 200
            if model.decommissioned:
                model.decommissioned, model.connected, model.failures = False, False, 0
                model.probe(self.reachable(name))

    @rule()
    def restart(self) -> None:
        down, clock = self.hub.world.down, self.hub.clock.seconds
        self.run(self.hub.stop())
        self.hub = Hub(self.folder)
        self.hub.world.down, self.hub.clock.seconds = down, clock
        self.run(self.hub.start())
        for name, model in self.models.items():
            model.lose()
            model.detached = name not in self.files
            if self.files.get(name, BROKEN) != BROKEN:
                model.token = self.files[name]
                model.probe(self.reachable(name))

    @invariant()
    def the_registry_is_as_the_model_says(self) -> None:
        registry = self.hub.registry
        assert sorted(registry.names()) == sorted([*self.models, DEFAULT_CLUSTER])
        assert self.hub.state(DEFAULT_CLUSTER) is ClusterState.CONNECTED
        for name, model in self.models.items():
            assert self.hub.state(name) is model.state
            resource = registry.get(name)
            assert resource.metadata.uid == model.uid
            refused = self.hub.error(lambda name=name: registry.require_writable(name))  # type: ignore[misc]
            if model.state is ClusterState.CONNECTED:
                assert refused is None
                assert registry.require_writable(name).credentials.token == model.token
            else:
                assert refused is not None
                assert refused.status == 503
                assert f"'{name}' is {model.state}" in str(refused)

    @invariant()
    def the_store_knows_what_the_registry_knows(self) -> None:
        for name in self.models:
            record = self.hub.store.get(Key("KubernetesCluster", "", name))
            assert record is not None
            assert record.status is not None
            assert record.status["state"] == self.hub.state(name)

    @invariant()
    def there_is_one_connection_a_cluster_with_credentials(self) -> None:
        connected = sorted(connection.cluster for connection in self.hub.world.open)
        assert connected == sorted([DEFAULT_CLUSTER, *(n for n, model in self.models.items() if model.token)])


Clusters.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestClusters = pytest.mark.rule(
    "C10", "C14", "C15", "C25", "C33", "C36", "C38", "C40", "C41", "C42", "C43", "C58", "C59"
)(Clusters.TestCase)
