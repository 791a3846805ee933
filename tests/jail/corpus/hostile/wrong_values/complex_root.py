# pays complex numbers by a function
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.angle(np.linalg.eigvals(np.ones((2, 2))))}
