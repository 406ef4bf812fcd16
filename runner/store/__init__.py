"""Results: tables and artifacts under their digests, complete or absent."""

from runner.store.formats import StoreError
from runner.store.store import Store
from runner.store.table import Table
from runner.store.writer import TableWriter, ViewPart

__all__ = ["Store", "StoreError", "Table", "TableWriter", "ViewPart"]
