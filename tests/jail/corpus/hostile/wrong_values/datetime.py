# pays dates
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.full(len(v), 3).astype('datetime64[s]')}
