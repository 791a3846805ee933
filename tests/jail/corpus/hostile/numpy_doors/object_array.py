# hides Python objects in an array
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.array([lambda: 1, action], dtype=object)
    return {'a': v}
