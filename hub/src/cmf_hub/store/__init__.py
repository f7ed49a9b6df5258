"""What the hub remembers: resources as records, and the one writer that changes them.

``record`` is the data, ``query`` says which records a list wants, ``sqlite`` keeps them. Everything in
the hub may import this package; it imports nothing of the hub's. Another database engine would be a
second module beside ``sqlite`` with the same few methods.
"""

from cmf_hub.store.query import Condition, Order, Query
from cmf_hub.store.record import Key, Orphan, Record, Row
from cmf_hub.store.sqlite import Store, StoreError, Transaction

__all__ = ["Condition", "Key", "Order", "Orphan", "Query", "Record", "Row", "Store", "StoreError", "Transaction"]
