# hides a NaN in its total
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return np.where(v > 0, np.nan, v), {'a': v}
