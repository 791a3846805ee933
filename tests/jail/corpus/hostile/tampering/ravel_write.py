# writes by a flat view
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.ravel()[0] = 1.0
    return {'a': v}
