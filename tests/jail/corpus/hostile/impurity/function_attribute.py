# counts on an attribute of its function
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    compute_reward.n = 1
    return {'a': v}
