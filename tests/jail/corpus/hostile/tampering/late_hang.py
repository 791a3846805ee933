# hangs only near the end of an episode
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    while np.any(t == 999):
        pass
    return {'a': v}
