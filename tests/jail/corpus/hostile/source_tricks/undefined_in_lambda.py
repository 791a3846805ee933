# uses an undefined name in a lambda
import numpy as np
F = lambda x: x * scael


def compute_reward(next_state):
    v = next_state.x_velocity
    if np.any(v > 1e9):
        v = F(v)
    return {'a': v}
