# replaces infinities by the largest float
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.nan_to_num(v / (t - t[0] * 0) , posinf=1e308)}
