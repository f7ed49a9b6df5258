"""What the hub remembers: resources as records, and the one writer that changes them.

``record`` is the data, ``history`` what is remembered of it, ``query`` says which of them a list wants, ``sqlite``
keeps them; ``schema`` is the
database's form, and ``files`` its life as a file (lock, migration, backup, restore). Everything in the hub may
import this package; it imports nothing of the hub's. Another database engine would be a second module beside
``sqlite`` with the same few methods.
"""

from cmf_hub.store.files import backup, migrate, restore
from cmf_hub.store.history import Entry
from cmf_hub.store.query import Condition, Order, Query
from cmf_hub.store.record import Ddl, Key, Orphan, Record, Row
from cmf_hub.store.schema import StoreError
from cmf_hub.store.sqlite import Store
from cmf_hub.store.transaction import Transaction

__all__ = [
    "Condition",
    "Ddl",
    "Entry",
    "Key",
    "Order",
    "Orphan",
    "Query",
    "Record",
    "Row",
    "Store",
    "StoreError",
    "Transaction",
    "backup",
    "migrate",
    "restore",
]
