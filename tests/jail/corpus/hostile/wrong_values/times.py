# pays in dates
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.full(len(v), np.datetime64('2020-01-01'))}
