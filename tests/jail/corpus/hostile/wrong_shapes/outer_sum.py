# broadcasts rows against rows
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.sum(v[:, None] * v, axis=0)}
