# runs a string by NumPy's testing module
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.testing.runstring('x = 1', {})
    return {'a': v}
