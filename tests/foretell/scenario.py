"""A case as it goes on: programs one after the other, and what happens to the hub between them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from cmf_localfleet import LocalCluster

from tests.foretell.meddling import meddle, set_life_cycle
from tests.foretell.programs import Case
from tests.foretell.seldom import seldom
from tests.foretell.stack import Declared
from tests.support.hub import Hub
from tests.support.wait import wait_for


@contextmanager
def case(seed: int, cmf: Hub, spoke: LocalCluster) -> Iterator[Case]:
    """Make a case, and remove from hub and clusters what it leaves."""
    made = Case(f"s{seed}", random.Random(seed), spoke.kubeconfig.read_text())
    if made.cluster and not made.hires:
        cmf.register(made.cluster, spoke.kubeconfig)
    try:
        yield made
    finally:
        _clean(cmf, made, spoke)


def programs(case: Case, cmf: Hub, spoke: LocalCluster) -> Iterator[tuple[str, list[Declared]]]:
    """Yield three programs of a case, each with what happened before it in words."""
    program, others = case.program(), random.Random(f"others of {case.prefix}")
    retired = set_life_cycle(case, cmf, others)
    if case.hires and case.chance(0.1):
        cmf.register(str(case.cluster), spoke.kubeconfig)
        staged = cmf.kubeconfigs / str(case.cluster)
        staged.write_text(f"{staged.read_text()}\n")
        yield f"first program, {case.cluster} is there", program
    else:
        yield f"first program, {retired}" if retired else "first program", program
    for last in (False, True):
        happened = meddle(case, cmf, program)
        if done := set_life_cycle(case, cmf, others):
            happened.append(done)
        away = case.chance(0.3) and case.cluster is not None and cmf.cluster_state(case.cluster) == "CONNECTED"
        if away:
            staged = cmf.kubeconfigs / str(case.cluster)
            staged.write_text(staged.read_text().replace(f":{spoke.port}", ":1"))
            cmf.connected(str(case.cluster), "DISCONNECTED")
            happened.append(f"cluster {case.cluster} is away")
        if not away and case.chance(0.7):
            _settled(cmf, case)
        program = case.changed(program)
        if last:
            program = seldom(case, cmf, program, others)
        yield f"after {happened}", program


def _settled(cmf: Hub, case: Case) -> None:
    """Wait until no statement of a case is on its way, unless its cluster is away."""
    if case.cluster and cmf.cluster_state(case.cluster) not in ("CONNECTED", None):
        return

    def none_pending() -> bool:
        return not any(
            statement["status"]["phase"] in ("PENDING", "DELETING")
            for environment in _environments(cmf, case)
            for statement in cmf.get(f"{environment}/statements").json()["items"]
        )

    wait_for(none_pending, "statements to be on no way", seconds=30)


def _environments(cmf: Hub, case: Case) -> list[str]:
    listed = cmf.get("/environments", params={"size": "1000"}).json()["items"]
    return [f"/environments/{each['name']}" for each in listed if each["name"].startswith(f"{case.prefix}-")]


def _clean(cmf: Hub, case: Case, spoke: LocalCluster) -> None:
    """Remove what a case has made; its cluster comes back first, so that nothing stays there."""
    clusters = ["default-k8s-cluster"]
    if case.cluster and cmf.cluster_state(case.cluster) is not None:
        clusters.append(case.cluster)
        shutil.copy(spoke.kubeconfig, cmf.kubeconfigs / case.cluster)
        cmf.put(f"/kubernetes-clusters/{case.cluster}", {"spec": {"lifecycleState": "ACTIVE"}}).raise_for_status()
        cmf.connected(case.cluster)
    for environment in _environments(cmf, case):
        for plural in ("statements", "compute-pools", "applications"):
            for each in cmf.get(f"{environment}/{plural}").json()["items"]:
                path = f"{environment}/{plural}/{each['metadata']['name']}"
                assert cmf.delete(path).is_success
                cmf.gone(path)
        cmf.delete(environment).raise_for_status()
    for cluster in clusters:
        cmf.post(f"/kubernetes-clusters/{cluster}/orphans/clean").raise_for_status()
    if case.cluster:
        (cmf.kubeconfigs / case.cluster).unlink(missing_ok=True)
