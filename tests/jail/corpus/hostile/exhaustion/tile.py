# repeats an array too often
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.tile(action, 10**8)
    return {'a': v}
