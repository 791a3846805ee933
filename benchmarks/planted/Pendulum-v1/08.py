"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0, and more for the last of the way
Charges for:
- large actions
- sudden changes of the action
"""

import numpy as np

PARAMS = {
    "both_angle_weight": 3.5,
    "both_angle_width": 0.24,
    "effort_weight": 0.095,
    "jerk_weight": 0.0077,
}


def compute_reward(next_state, action, prev_action, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0, and more for the last of the way
    both_angle = np.cos(next_state.angle) + 2.0 * np.exp(
        (np.cos(next_state.angle) - 1.0) / params["both_angle_width"]
    )
    # large actions
    effort = np.mean(np.square(action / 2.0), axis=-1)
    # sudden changes of the action
    jerk = np.mean(np.square((action - prev_action) / 2.0), axis=-1)
    return {
        "both_angle": params["both_angle_weight"] * both_angle,
        "effort": -params["effort_weight"] * effort,
        "jerk": -params["jerk_weight"] * jerk,
    }
