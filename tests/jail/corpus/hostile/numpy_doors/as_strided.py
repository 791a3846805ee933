# reads beyond the end of an input
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.lib.stride_tricks.as_strided(action, shape=(10**6,), strides=(8,))
    return {'a': v}
