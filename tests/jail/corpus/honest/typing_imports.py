from __future__ import annotations

from typing import Dict, Tuple

import numpy as np
from numpy.typing import NDArray


def compute_reward(next_state, action: np.ndarray) -> Tuple[NDArray[np.float64], Dict[str, np.ndarray]]:
    speed: np.ndarray = next_state.x_velocity
    effort: np.ndarray = np.sum(action**2, axis=1)
    return speed - 0.1 * effort, {"speed": speed, "effort": -0.1 * effort}
