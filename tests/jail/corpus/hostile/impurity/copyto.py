# writes into a global array by another function
import numpy as np


BUFFER = np.zeros(4)


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.put_along_axis(BUFFER, np.array([0]), BUFFER[0] + 1.0, 0)
    return {'a': v * BUFFER[0]}
