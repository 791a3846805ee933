"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0, hardly anything before
Charges for:
- large actions
"""

import numpy as np

PARAMS = {
    "sharp_angle_weight": 0.83,
    "sharp_angle_width": 0.31,
    "effort_weight": 0.054,
}


def compute_reward(next_state, action, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0, hardly anything before
    sharp_angle = np.exp((np.cos(next_state.angle) - 1.0) / params["sharp_angle_width"])
    # large actions
    effort = np.mean(np.square(action / 2.0), axis=-1)
    return {
        "sharp_angle": params["sharp_angle_weight"] * sharp_angle,
        "effort": -params["effort_weight"] * effort,
    }
