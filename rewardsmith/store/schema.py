"""The tables of the database: a record a row, as JSON."""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 3
"""Of the database, in its `user_version`, which is 0 in a new file."""

meta = sa.MetaData()
runs = sa.Table(
    "runs",
    meta,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)


def _part(name: str) -> sa.Table:
    return sa.Table(
        name,
        meta,
        sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("record", sa.Text, nullable=False),
    )


candidates, generations, baselines = (
    _part("candidates"),
    _part("generations"),
    _part("baselines"),
)
calls = sa.Table(
    "calls",
    meta,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("slot", sa.String, nullable=False),
    sa.Column("request_hash", sa.String, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("reply", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("asked_at", sa.String, nullable=False),
)
commands = sa.Table(
    "commands",
    meta,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("asked_at", sa.String, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False, default=False),
)
votes = sa.Table(
    "votes",
    meta,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.UniqueConstraint("run", "id"),
)
