# overflows an exponential
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.exp(1e4 * (1.0 + np.abs(v)))}
