# pays for the rank in the batch
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': 1.0 * np.argsort(np.argsort(v))}
