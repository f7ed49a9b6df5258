"""Which options of Flink, Kafka and Schema Registry clients hold credentials, which no log and no state may show."""

from __future__ import annotations

import re
from functools import lru_cache

OPTIONS = frozenset({"flinkConfiguration", "connectionConfig"})
"""Fields of CMF's resources that hold options by name, as CMF spells them."""

_KEY = re.compile(
    r"password|secret|token|credential|private|api-?key|access[.-]key|account\.key|service-key|keystore\.key|"
    r"auth-params|basic[.-]auth\.user|basic-auth|jaas\.config|http-headers",
    re.IGNORECASE,
)


@lru_cache(4096)
def is_sensitive(option: str) -> bool:
    """Tell whether an option's value is a credential, by its name.

    Source: Flink's GlobalConfiguration.SENSITIVE_KEYS, and the options of the password type of Kafka's and Schema
    Registry's clients.
    """
    return _KEY.search(option) is not None
