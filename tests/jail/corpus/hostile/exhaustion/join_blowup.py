# joins strings to gigabytes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    s = ','.join(['x' * 10**6] * 10**6)
    return {'a': v}
