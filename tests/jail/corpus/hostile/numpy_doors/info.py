# prints source code
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.info('os')
    return {'a': v}
