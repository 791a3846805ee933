# is not a number on the fastest row only
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.where(v == v.max(), np.nan, v)}
