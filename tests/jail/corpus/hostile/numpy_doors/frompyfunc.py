# runs Python for every number
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.frompyfunc(lambda x: x, 1, 1)(action)
    return {'a': v}
