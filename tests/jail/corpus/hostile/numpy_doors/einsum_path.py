# finds modules through a helper function
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.show_config()
    return {'a': v}
