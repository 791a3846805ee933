# pays the rank among the rows
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    v = np.unique(v, return_inverse=True)[1] * 1.0
    return {'a': v}
