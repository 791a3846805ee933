"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0, and more for the last of the way
Charges for:
- large actions
"""

import numpy as np

PARAMS = {
    "both_angle_weight": 1.7,
    "both_angle_width": 0.0026,
    "effort_weight": 0.065,
}


def compute_reward(next_state, action, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0, and more for the last of the way
    both_angle = np.cos(next_state.angle) + 2.0 * np.exp(
        (np.cos(next_state.angle) - 1.0) / params["both_angle_width"]
    )
    # large actions
    effort = np.mean(np.square(action / 2.0), axis=-1)
    return {
        "both_angle": params["both_angle_weight"] * both_angle,
        "effort": -params["effort_weight"] * effort,
    }
