# writes into a global array by out
import numpy as np


BUFFER = np.zeros(4)


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.add(BUFFER, 1.0, out=BUFFER)
    return {'a': v * BUFFER[0]}
