"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0, hardly anything before
Charges for:
- sudden changes of the action
"""

import numpy as np

PARAMS = {
    "sharp_angle_weight": 2.2,
    "sharp_angle_width": 0.18,
    "jerk_weight": 0.0016,
}


def compute_reward(next_state, action, prev_action, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0, hardly anything before
    sharp_angle = np.exp((np.cos(next_state.angle) - 1.0) / params["sharp_angle_width"])
    # sudden changes of the action
    jerk = np.mean(np.square((action - prev_action) / 2.0), axis=-1)
    return {
        "sharp_angle": params["sharp_angle_weight"] * sharp_angle,
        "jerk": -params["jerk_weight"] * jerk,
    }
