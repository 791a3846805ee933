# depends on other rows only where one is fast
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    v = v + np.any(v > np.max(v) - 1e-9) * np.max(v)
    return {'a': v}
