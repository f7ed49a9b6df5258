"""The CMF REST API over HTTP: a table of operations, and one way to read, answer and fail for all of them.

``routes`` holds the table and turns it into routes; one module a kind has its handlers; ``listing`` and
``filters`` understand lists; ``encoding`` and ``answers`` are JSON, YAML, error shape and ETag; ``access``
logs, ``guard`` lets in who is known, and ``permissions`` asks what they may do. The composition root imports this
package; it imports ``services``, ``auth`` and what lies below.
"""

from cmf_hub.api.access import AccessLog
from cmf_hub.api.guard import Guard
from cmf_hub.api.routes import OPERATIONS, fallback, routes

__all__ = ["OPERATIONS", "AccessLog", "Guard", "fallback", "routes"]
