# asks for a terabyte
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.ones((10**6, 10**6))
    return {'a': v}
