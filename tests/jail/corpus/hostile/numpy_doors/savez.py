# writes a file by np.savez
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.savez('/canary/new.npz', a=action)
    return {'a': v}
