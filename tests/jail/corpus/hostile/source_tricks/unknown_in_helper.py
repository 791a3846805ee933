# misspells a variable in a helper's rare branch
import numpy as np


def helper(s):
    v = s.x_velocity
    if np.any(v > 1e9):
        v = s.x_velocty
    return v


def compute_reward(next_state):
    return {'a': helper(next_state)}
