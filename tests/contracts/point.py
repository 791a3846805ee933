"""A point on a line, as an environment of the user's own: quick, and as broken as a test asks."""

import os
import time
from typing import Any

import gymnasium
import numpy as np

START = 1.0


class Point(gymnasium.Env[np.ndarray, np.ndarray]):
    """Push a point of unit mass towards 0; episodes are cut after `length` steps, never ended."""

    def __init__(
        self,
        length: int = 60,
        reach: float = 1.0,
        sleep_s: float = 0.0,
        hang_at: int = 0,
        exit_at: int = 0,
    ) -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.action_space = gymnasium.spaces.Box(-reach, reach, (1,), np.float32)
        self._length, self._sleep_s = length, sleep_s
        self._hang_at, self._exit_at = hang_at, exit_at
        self._steps = self._t = 0
        self._place = self._speed = 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        self._t, self._speed = 0, 0.0
        self._place = float(self.np_random.uniform(-START, START))
        return np.array([self._place, self._speed]), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, Any]:
        self._t += 1
        self._steps += 1
        if self._steps == self._hang_at:
            time.sleep(3600)
        if self._steps == self._exit_at:
            os._exit(7)
        time.sleep(self._sleep_s)
        self._speed = 0.9 * self._speed + 0.1 * float(action[0])
        self._place += 0.1 * self._speed
        obs = np.array([self._place, self._speed])
        return obs, -(self._place**2), False, self._t >= self._length, {}


def make_env(**faults: Any) -> Point:
    return Point(**faults)
