"""What the hub remembers: resources as records, and the one writer that changes them.

``record`` is the data, ``history`` what is remembered of it, ``query`` says which of them a list wants, ``sqlite``
keeps them, alone or as a copy of what is in ``postgres``; ``schema`` and ``tables`` are the form that they have in
either, and ``files`` and ``copies`` what is done to a database that is not served. Everything in the hub may import
this package; it imports nothing of the hub's.
"""

from cmf_hub.store.copies import FileDatabase, PostgresDatabase
from cmf_hub.store.history import Entry
from cmf_hub.store.postgres import LeadershipLost, Postgres
from cmf_hub.store.query import Condition, Order, Query
from cmf_hub.store.record import Ddl, Key, Orphan, Record, Row
from cmf_hub.store.schema import StoreError
from cmf_hub.store.sqlite import Store
from cmf_hub.store.transaction import Transaction

__all__ = [
    "Condition",
    "Ddl",
    "Entry",
    "FileDatabase",
    "Key",
    "LeadershipLost",
    "Order",
    "Orphan",
    "Postgres",
    "PostgresDatabase",
    "Query",
    "Record",
    "Row",
    "Store",
    "StoreError",
    "Transaction",
]
