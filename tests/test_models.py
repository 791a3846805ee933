"""Who waits for a model obeys the user, all at once."""

from __future__ import annotations

import asyncio

import pytest

from rewardsmith.errors import Cancelled, LimitReached
from rewardsmith.models import Watch


@pytest.mark.parametrize("stop", [Cancelled("enough"), LimitReached("enough")])
def test_a_command_that_is_told_once_ends_every_wait(stop: Exception) -> None:
    told = [stop]

    def poll() -> None:
        if told:
            raise told.pop()

    async def three_wait() -> list[BaseException | None]:
        watch = Watch(poll)
        return await asyncio.gather(*(watch.sleep(60.0) for _ in range(3)), return_exceptions=True)

    assert asyncio.run(three_wait()) == [stop] * 3


def test_while_nobody_stops_it_a_wait_is_as_long_as_it_was_to_be() -> None:
    looks: list[float] = []

    async def wait() -> float:
        watch, began = Watch(lambda: looks.append(0.0)), asyncio.get_running_loop().time()
        await watch.sleep(0.05)
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(wait()) >= 0.05
    assert len(looks) == 2
