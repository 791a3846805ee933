# writes into a global array
import numpy as np


BUFFER = np.zeros(4)


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    BUFFER[0] += 1.0
    return {'a': v * BUFFER[0]}
