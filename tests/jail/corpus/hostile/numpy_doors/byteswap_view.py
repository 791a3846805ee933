# reinterprets memory by view
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.view(np.int8)
    return {'a': v}
