# returns nothing on one branch
import numpy as np


def compute_reward(next_state):
    v = next_state.x_velocity
    if np.all(v < 1e9):
        terms = {'a': v}
    else:
        return {'a': v}
