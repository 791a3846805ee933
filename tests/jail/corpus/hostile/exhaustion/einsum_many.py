# contracts without a path for hours
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    a = np.ones((40,) * 4)
    k = np.einsum('abcd,efgh,ijkl->aei', a, a, a)
    return {'a': v}
