# writes a file by np.savetxt
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.savetxt('/canary/new.txt', action)
    return {'a': v}
