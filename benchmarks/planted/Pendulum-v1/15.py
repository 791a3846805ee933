"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0
Charges for:
- large actions
- sudden changes of the action
"""

import numpy as np

PARAMS = {
    "cos_angle_weight": 0.31,
    "effort_weight": 0.46,
    "jerk_weight": 0.2,
}


def compute_reward(next_state, action, prev_action, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0
    cos_angle = np.cos(next_state.angle)
    # large actions
    effort = np.mean(np.square(action / 2.0), axis=-1)
    # sudden changes of the action
    jerk = np.mean(np.square((action - prev_action) / 2.0), axis=-1)
    return {
        "cos_angle": params["cos_angle_weight"] * cos_angle,
        "effort": -params["effort_weight"] * effort,
        "jerk": -params["jerk_weight"] * jerk,
    }
