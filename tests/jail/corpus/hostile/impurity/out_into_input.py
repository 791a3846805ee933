# writes a result into an input
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.add(v, 1.0, out=v)
    return {'a': v}
