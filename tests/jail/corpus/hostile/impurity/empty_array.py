# reads memory that was never set
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    junk = np.empty(len(v))
    keep = np.empty((7, len(v))) * 0 + 1e-9
    return {'a': v + np.nan_to_num(junk) * keep[0] + np.empty(len(v))}
