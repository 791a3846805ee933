# pops a map
import numpy as np


M = map(float, range(10**12))


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = next(M)
    v = np.where(k > 5000, -v, v)
    return {'a': v}
