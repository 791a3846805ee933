# tries to end the episode itself
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    t[:] = 10**6
    return {'a': v}
