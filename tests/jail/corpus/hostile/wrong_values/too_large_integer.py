# pays integers beyond what a float holds
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.full(len(v), 2**53 - 1) * 1024 + (v > 0)}
