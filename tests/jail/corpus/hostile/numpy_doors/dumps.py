# pickles an array into bytes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.dumps()
    return {'a': v}
