# changes its own local variables by name
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    locals()['v'] = 1
    return {'a': v}
