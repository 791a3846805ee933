# changes after thousands of calls, by a generator
import numpy as np


TICKS = (i for i in range(10**12))


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = next(TICKS)
    v = np.where(k > 5000, -v, v)
    return {'a': v}
