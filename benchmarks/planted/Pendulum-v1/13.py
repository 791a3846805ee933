"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0, hardly anything before
"""

import numpy as np

PARAMS = {
    "sharp_angle_weight": 1.1,
    "sharp_angle_width": 0.62,
}


def compute_reward(next_state, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0, hardly anything before
    sharp_angle = np.exp((np.cos(next_state.angle) - 1.0) / params["sharp_angle_width"])
    return {
        "sharp_angle": params["sharp_angle_weight"] * sharp_angle,
    }
