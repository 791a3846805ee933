# pays the first row extra
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    w = v.copy()
    w[0] += 10.0
    return {'a': w}
