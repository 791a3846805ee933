"""The database under a folder of runs: opened or made, written in transactions.

Every write is committed with synchronous=FULL before it is acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from rewardsmith.errors import UserError
from rewardsmith.records import Record
from rewardsmith.store import schema

DATABASE = "rewardsmith.db"


class Database:
    """Open it once; it is cheap."""

    def __init__(self, runs_dir: Path, *, create: bool = True) -> None:
        self.runs_dir = runs_dir.resolve()
        if not create and not (self.runs_dir / DATABASE).exists():
            raise UserError(f"no runs in {runs_dir}")
        try:
            self.runs_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {runs_dir}: {error.strerror}") from None
        self._engine = sa.create_engine(f"sqlite:///{self.runs_dir / DATABASE}")
        sa.event.listen(self._engine, "connect", _durable)
        try:
            version = self._version()
        except DBAPIError as error:
            raise UserError(f"cannot open the store in {runs_dir}: {error.orig}") from None
        if version != schema.VERSION:
            raise UserError(f"the store in {runs_dir} was written by another rewardsmith")

    def close(self) -> None:
        """Let go of the database's file."""
        self._engine.dispose()

    def _version(self) -> int:
        """The version of the store's tables, which a new store gets here."""
        with self._engine.connect() as db:
            version = int(db.exec_driver_sql("PRAGMA user_version").scalar_one())
            if version:
                return version
            db.rollback()
            # Of several processes that open a new store at once, one makes its tables.
            db.exec_driver_sql("BEGIN IMMEDIATE")
            schema.meta.create_all(db)
            db.exec_driver_sql(f"PRAGMA user_version={schema.VERSION}")
            db.commit()
        return schema.VERSION

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as db:
                yield db
        except DBAPIError as error:
            raise UserError(f"the store in {self.runs_dir} failed: {error.orig}") from None

    def put(self, table: sa.Table, run_id: str, key: str, record: Record) -> None:
        where = (table.c.run == run_id) & (table.c.id == key)
        text = record.model_dump_json()
        with self.begin() as db:
            if not db.execute(table.update().where(where).values(record=text)).rowcount:
                db.execute(table.insert().values(run=run_id, id=key, record=text))

    def all(self, table: sa.Table, run_id: str) -> list[str]:
        query = sa.select(table.c.record).where(table.c.run == run_id).order_by(table.c.id)
        with self.begin() as db:
            return list(db.scalars(query))


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
