"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0, hardly anything before
Charges for:
- large actions
- sudden changes of the action
"""

import numpy as np

PARAMS = {
    "sharp_angle_weight": 0.75,
    "sharp_angle_width": 0.31,
    "effort_weight": 0.079,
    "jerk_weight": 0.073,
}


def compute_reward(next_state, action, prev_action, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0, hardly anything before
    sharp_angle = np.exp((np.cos(next_state.angle) - 1.0) / params["sharp_angle_width"])
    # large actions
    effort = np.mean(np.square(action / 2.0), axis=-1)
    # sudden changes of the action
    jerk = np.mean(np.square((action - prev_action) / 2.0), axis=-1)
    return {
        "sharp_angle": params["sharp_angle_weight"] * sharp_angle,
        "effort": -params["effort_weight"] * effort,
        "jerk": -params["jerk_weight"] * jerk,
    }
