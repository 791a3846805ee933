# writes into a global array under a local name
import numpy as np


BUFFER = np.zeros(4)


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    b = BUFFER
    b += 1.0
    return {'a': v * b[0]}
