# makes a list of many gigabytes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    [0] * 10**11
    return {'a': v}
