"""From resources to the Flink Kubernetes Operator's objects, and from their state back to a status.

``objects`` and ``status`` are pure: what should be on a cluster, and what its objects mean; so are ``savepoints`` and
``savepoint_status``, the same for savepoints, and ``instances`` and ``events``, what is worth remembering of an
application's changes. ``recorder`` writes statuses down, ``history`` what they tell, ``reconciler`` makes a cluster
match the store, ``watch`` follows what happens there and ``unanswered`` sees what does not, ``diagnosis`` looks for
what something waits for, ``preflight`` for what an environment lacks, ``locks`` lets one writer at a time change a
resource, ``jobmanager`` finds the REST API of a resource's Flink cluster. Services may import this package; it imports
``clusters`` and ``store``.
"""

from cmf_hub.flink.reconciler import Reconciler
from cmf_hub.flink.watch import Watches

__all__ = ["Reconciler", "Watches"]
