# is not a number only at the last step
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': np.where(t == 999, np.nan, v)}
