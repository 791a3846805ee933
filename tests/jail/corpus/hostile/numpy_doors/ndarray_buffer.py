# builds an array over another's memory
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.ndarray((10**4,), np.float64, action.data)
    return {'a': v}
