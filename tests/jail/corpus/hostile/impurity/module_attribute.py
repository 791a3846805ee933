# leaves a value in NumPy
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.seen = 1
    return {'a': v}
