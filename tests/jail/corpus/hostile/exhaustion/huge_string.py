# makes a string of many gigabytes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    'x' * 10**11
    return {'a': v}
