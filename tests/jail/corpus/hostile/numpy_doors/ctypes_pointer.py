# takes the address of an input
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.ctypes.data
    return {'a': v}
