# swaps the traceback of an error
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    raise ValueError('x').with_traceback(None)
    return {'a': v}
