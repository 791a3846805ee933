# writes into an input by out= of einsum
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.einsum('ij->ij', action, out=action)
    return {'a': v}
