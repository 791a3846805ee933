# writes inputs with an iterator
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    for x in np.nditer(action, op_flags=['readwrite']):
        x[...] = 0
    return {'a': v}
