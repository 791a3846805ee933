"""A reward composed of typed terms by the offline baseline; no model wrote it.

Pays for:
- angle near 0
"""

import numpy as np

PARAMS = {
    "cos_angle_weight": 0.023,
}


def compute_reward(next_state, params):
    """Terms of the reward for n transitions; each is (n,), the reward their sum."""
    # angle near 0
    cos_angle = np.cos(next_state.angle)
    return {
        "cos_angle": params["cos_angle_weight"] * cos_angle,
    }
