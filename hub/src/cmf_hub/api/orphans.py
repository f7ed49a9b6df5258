"""Operations on what forced deletions left on a cluster (C49-C53). An extension of ours: CMF's API has none of them.

| call | effect |
|---|---|
| `POST .../kubernetes-clusters/{cluster}/orphans/clean` | deletes the objects that still belong to deleted resources |
| `POST .../kubernetes-clusters/{cluster}/orphans/{namespace}/{name}/adopt` | makes an application of one again |

The cluster itself lists them in `status.orphans`.
"""

from __future__ import annotations

import json

from cmf_core.models import CleanedOrphans, FlinkApplication

from cmf_hub.api.operation import Answer, Call, Operation, Reach
from cmf_hub.api.paths import V1


async def clean(call: Call) -> Answer:
    """Delete what was left behind: `cleaned` is gone, `ending` waits for its finalizers and stays listed till then."""
    done = await call.services.orphans.clean(call.path["cluster"])
    return Answer(json.dumps(done.wire(), ensure_ascii=False))


async def adopt(call: Call) -> Answer:
    """Make an orphaned application a resource again, under its former uid and with its job running on."""
    key = await call.services.orphans.adopt(call.path["cluster"], call.path["namespace"], call.path["name"])
    return Answer(call.services.views.one(key))


_ORPHANS = f"{V1}/kubernetes-clusters/{{cluster}}/orphans"

OPERATIONS = (
    Operation(
        "POST", f"{_ORPHANS}/clean", clean, (200, 404),
        id="cleanOrphans", gives=CleanedOrphans, reach=Reach.CALLS,
    ),
    Operation(
        "POST", f"{_ORPHANS}/{{namespace}}/{{name}}/adopt", adopt, (200, 400, 404),
        id="adoptOrphan", gives=FlinkApplication, reach=Reach.CALLS,
    ),
)  # fmt: skip
