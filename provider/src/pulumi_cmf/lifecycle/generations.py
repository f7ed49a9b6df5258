"""Whether a status speaks of the specification that was sent, or still of the one before.

The Flink operator takes up a changed specification some time after it was written, and reports the old one
as STABLE until then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmf_core.models import Metadata

from pulumi_cmf.lifecycle.comparison import holds


def generations_agree(metadata: Metadata, status: Mapping[str, Any]) -> bool | None:
    """Tell whether a status is of the resource's present generation; None if the server does not say."""
    generation = (metadata.model_extra or {}).get("generation")
    observed = status.get("observedGeneration")
    if not isinstance(generation, int) or not isinstance(observed, int):
        return None
    return observed >= generation


@dataclass(frozen=True)
class Reconciled:
    """What the operator had taken up before a write, for servers that do not tell generations.

    Attributes:
        before: the operator's `lastReconciledSpec` before the write; empty if there was none.
        asked: the specification with the environment's defaults over it.
    """

    before: str
    asked: Mapping[str, Any]

    def is_new(self, status: Mapping[str, Any]) -> bool:
        """Tell whether the operator has taken up a specification since, or already had the one that is asked."""
        now = reconciled_text(status)
        if not now:
            return "reconciliationStatus" not in status
        return now != self.before or holds(_spec(now), self.asked)


def reconciled_text(status: Mapping[str, Any]) -> str:
    """Return the operator's `lastReconciledSpec`, JSON in a text; empty if there is none."""
    return str((status.get("reconciliationStatus") or {}).get("lastReconciledSpec") or "")


def deployed_spec(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the specification that the operator last took up; None before there is one."""
    spec = _spec(reconciled_text(status))
    return spec if isinstance(spec, Mapping) and spec else None


def _spec(text: str) -> Any:
    try:
        return json.loads(text).get("spec")
    except (ValueError, AttributeError):
        return None
