# binds attributes by a class pattern
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    match action:
        case np.ndarray(base=b):
            pass
    return {'a': v}
