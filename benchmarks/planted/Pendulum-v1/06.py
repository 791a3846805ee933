"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0
Charges for:
- large actions
"""

import numpy as np

PARAMS = {
    "cos_angle_weight": 5.3,
    "effort_weight": 0.24,
}


def compute_reward(next_state, action, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0
    cos_angle = np.cos(next_state.angle)
    # large actions
    effort = np.mean(np.square(action / 2.0), axis=-1)
    return {
        "cos_angle": params["cos_angle_weight"] * cos_angle,
        "effort": -params["effort_weight"] * effort,
    }
