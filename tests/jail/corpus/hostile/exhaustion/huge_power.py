# computes a number with a billion digits
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    10 ** 10 ** 9
    return {'a': v}
