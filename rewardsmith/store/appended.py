"""What is only ever appended: calls of models, commands to runs, votes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from rewardsmith.commands import Command
from rewardsmith.store.database import Database
from rewardsmith.store.rows import Call
from rewardsmith.store.schema import calls as _calls
from rewardsmith.store.schema import commands as _commands
from rewardsmith.store.schema import votes as _votes
from rewardsmith.votes import Vote


class Appended(Database):
    """Calls, commands and votes by run."""

    # --- calls to models ---

    def intend_call(self, run_id: str, slot: str, request_hash: str, request: str) -> int:
        """Note durably that a request is about to be sent; returns the call's id."""
        with self.begin() as db:
            inserted = db.execute(
                _calls.insert().values(
                    run=run_id,
                    slot=slot,
                    request_hash=request_hash,
                    request=request,
                    asked_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                )
            )
        return int(inserted.lastrowid)

    def finish_call(self, call_id: int, *, reply: str | None, error: str | None) -> None:
        """Store what came back."""
        with self.begin() as db:
            db.execute(
                _calls.update().where(_calls.c.id == call_id).values(reply=reply, error=error)
            )

    def stored_reply(self, run_id: str, slot: str, request_hash: str) -> str | None:
        """The reply that this slot was already given to this very request."""
        query = (
            sa.select(_calls.c.reply)
            .where(
                _calls.c.run == run_id,
                _calls.c.slot == slot,
                _calls.c.request_hash == request_hash,
                _calls.c.reply.is_not(None),
            )
            .order_by(_calls.c.id.desc())
        )
        with self.begin() as db:
            return db.scalars(query).first()

    def calls(self, run_id: str) -> list[Call]:
        """Every request of a run; one without reply and error may have been paid for."""
        query = sa.select(_calls).where(_calls.c.run == run_id).order_by(_calls.c.id)
        with self.begin() as db:
            return [_call(row) for row in db.execute(query)]

    def call(self, call_id: int) -> Call:
        """One request, by the id that `intend_call` gave."""
        with self.begin() as db:
            return _call(db.execute(sa.select(_calls).where(_calls.c.id == call_id)).one())

    # --- commands ---

    def command(self, run_id: str, kind: str, value: str = "") -> None:
        """Ask something of a run; its loop looks at every stage."""
        with self.begin() as db:
            db.execute(
                _commands.insert().values(
                    run=run_id,
                    kind=kind,
                    value=value,
                    asked_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                )
            )

    def take_commands(self, run_id: str) -> list[Command]:
        """The commands not yet taken, oldest first; they are marked as taken."""
        # One statement: two processes cannot both take a command.
        take = (
            _commands.update()
            .where(_commands.c.run == run_id, ~_commands.c.done)
            .values(done=True)
            .returning(_commands.c.id, _commands.c.kind, _commands.c.value)
        )
        with self.begin() as db:
            rows = sorted(db.execute(take).all())
        return [Command(id=row.id, kind=row.kind, value=row.value) for row in rows]

    def pending_commands(self, run_id: str) -> list[Command]:
        """The commands that the run has not taken yet, oldest first."""
        waiting = (_commands.c.run == run_id) & ~_commands.c.done
        query = sa.select(_commands).where(waiting).order_by(_commands.c.id)
        with self.begin() as db:
            return [Command(id=r.id, kind=r.kind, value=r.value) for r in db.execute(query)]

    # --- votes ---

    def add_vote(self, run_id: str, vote: Vote) -> None:
        """Append a vote; one whose id is stored already is not stored again."""
        values = {"run": run_id, "id": vote.id, "record": vote.model_dump_json()}
        with self.begin() as db:
            db.execute(insert(_votes).values(values).on_conflict_do_nothing(["run", "id"]))

    def votes(self, run_id: str) -> list[Vote]:
        """Every vote in the order of arrival, those taken back included; see votes.standing."""
        query = sa.select(_votes.c.record).where(_votes.c.run == run_id).order_by(_votes.c.number)
        with self.begin() as db:
            return [Vote.model_validate_json(text) for text in db.scalars(query)]


def _call(row: Any) -> Call:
    fields = {name: getattr(row, name) for name in Call.model_fields}
    return Call.model_validate(fields)
