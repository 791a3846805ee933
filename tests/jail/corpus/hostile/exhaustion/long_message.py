# raises an error with a message of a gigabyte
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    raise ValueError('x' * 10**9)
    return {'a': v}
