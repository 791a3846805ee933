# leaves a callback behind in NumPy
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.seterrcall(lambda kind, flag: None)
    return {'a': v}
