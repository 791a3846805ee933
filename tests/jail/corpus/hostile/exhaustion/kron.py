# builds a product of matrices of terabytes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = np.kron(np.eye(2000), np.eye(2000))
    return {'a': v}
