# inverts a huge matrix
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.linalg.inv(np.eye(20000) + 1.0)
    return {'a': v}
