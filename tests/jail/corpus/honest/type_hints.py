from __future__ import annotations

import numpy as np


def compute_reward(next_state: State, action: np.ndarray) -> dict[str, np.ndarray]:
    speed: np.ndarray = next_state.x_velocity
    return {"speed": speed, "effort": -0.1 * np.sum(action * action, axis=1)}
