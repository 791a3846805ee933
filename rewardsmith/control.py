"""A run's state while it goes on: status, time, the user's commands and limits, the observers."""

from __future__ import annotations

import time
from collections.abc import Callable

from rewardsmith.commands import LIMITS, limited
from rewardsmith.config import LimitConfig
from rewardsmith.errors import Cancelled, LimitReached
from rewardsmith.records import Candidate, Event, Observe, RunStatus
from rewardsmith.store import RunRecord, Store

_LOOK_EVERY_S = 0.5


class Control:
    """Holds the run's record; asked at every stage, and often in between, whether to go on."""

    def __init__(
        self,
        run: RunRecord,
        store: Store,
        observe: Observe,
        clock: Callable[[], float],
        above: Control | None = None,
        left: Callable[[], LimitConfig] | None = None,
    ) -> None:
        """Control `run`; where it belongs to another one, what is asked of that holds for it, and
        `left` says what that one has left to spend."""
        self.run, self._store, self._observe, self._clock = run, store, observe, clock
        self._above, self._left = above, left
        self._counted = self._looked = clock()

    @property
    def limits(self) -> LimitConfig:
        """Those that hold now: a command may have changed them. May raise LimitReached."""
        return self._left() if self._left else self.run.config.limits

    def update(self, **changes: object) -> None:
        """Store changes of the run's record, with the time spent so far."""
        now = self._clock()
        wall_s = round(self.run.wall_s + now - self._counted, 2)
        self._counted = now
        self.run = self.run.model_copy(update={**changes, "wall_s": wall_s})
        self._store.save_run(self.run)

    def stage(self) -> None:
        """Between stages: take commands; a pause waits here. Raises as `poll`."""
        if self._above:
            self._above.stage()
        self._obey()
        while self.run.status is RunStatus.PAUSED:
            time.sleep(_LOOK_EVERY_S)
            self._obey()

    def poll(self) -> None:
        """While children run: look at commands and limits now and then.

        Raises Cancelled or LimitReached.
        """
        if self._above:
            self._above.poll()
        if self._clock() - self._looked > _LOOK_EVERY_S:
            self._obey()

    def tell(self, event: str, candidate: Candidate | None = None, **data: object) -> None:
        """Tell the observers what happened."""
        message = str(data.pop("message", ""))
        if candidate:
            message = message or (candidate.failure.for_human if candidate.failure else "")
            data |= {
                "origin": candidate.origin,
                "strategy": candidate.strategy,
                "operator": candidate.operator,
                "parents": list(candidate.parents),
                "stage": str(candidate.stage),
                "score": candidate.score.model_dump() if candidate.score else None,
                "findings": [f.model_dump() for f in candidate.verdict.findings]
                if candidate.verdict
                else [],
            }
        self._observe(
            Event(
                event=event, candidate=candidate.id if candidate else "", message=message, data=data
            )
        )

    def _obey(self) -> None:
        self._looked = self._clock()
        for command in self._store.take_commands(self.run.id):
            self.tell(command.kind, message=command.value)
            if command.kind == "cancel":
                raise Cancelled("the run was cancelled")
            if command.kind in LIMITS:
                limits = limited(self.limits, command.kind, command.value)
                self.update(config=self.run.config.model_copy(update={"limits": limits}))
            else:
                paused = command.kind == "pause"
                self.update(status=RunStatus.PAUSED if paused else RunStatus.RUNNING)
        spent = self.run.wall_s + self._clock() - self._counted
        # The time of an arm is its run's to limit, which is asked first.
        limit = None if self._above else self.limits.wall_s
        if limit is not None and spent > limit:
            raise LimitReached(
                f"the time limit of {limit:g} s is reached; resume with --time-limit above it"
            )
