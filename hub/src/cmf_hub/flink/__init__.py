"""From resources to the Flink Kubernetes Operator's objects, and from their state back to a status.

Pure, and what everything else here stands on: ``placement``, ``presence``, ``manifests`` and ``marks`` say where a
resource's object is, whether it should be there, what it looks like and whose it is; ``observation`` reads what the
operator wrote, ``status`` says what that means, with a module for each kind; ``savepoints`` are the same for
savepoints; ``instances`` and ``events`` are what is worth remembering of an application's changes.

``recorder`` writes statuses down, ``history`` what they tell, ``convergence`` makes one object what it should be,
``reconciler`` does so for all, ``watch`` follows what happens there and ``unanswered`` sees what does not,
``diagnosis`` looks for what something waits for, ``preflight`` for what an environment lacks, ``locks`` lets one
writer at a time change a resource, ``jobmanager`` finds the REST API of a resource's Flink cluster. Services may
import this package; it imports ``clusters`` and ``store``.
"""

from cmf_hub.flink.reconciler import Reconciler
from cmf_hub.flink.watch import Watches

__all__ = ["Reconciler", "Watches"]
