# turns numbers into Python objects
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.astype(object)
    return {'a': v}
