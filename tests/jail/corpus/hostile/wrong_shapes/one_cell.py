# gives one cell for all rows
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.array([v.mean()])}
