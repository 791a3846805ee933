# broadcasts to a huge result
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.arange(10**5)[:, None] * np.arange(10**5)
    return {'a': v}
