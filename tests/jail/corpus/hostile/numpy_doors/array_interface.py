# takes the address by the array interface
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.__array_interface__['data'][0]
    return {'a': v}
