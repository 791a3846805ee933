# changes after thousands of calls, by an iterator
import numpy as np


TICKS = iter(range(10**12))


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = next(TICKS)
    if k > 5000:
        v = v * np.nan
    return {'a': v}
