# reads the sources on the disk
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.source(np.mean)
    return {'a': v}
