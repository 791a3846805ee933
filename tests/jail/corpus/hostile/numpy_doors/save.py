# writes a file by np.save
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.save('/canary/new.npy', action)
    return {'a': v}
