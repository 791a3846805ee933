# makes a huge grid
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.meshgrid(*[np.arange(200)] * 5)
    return {'a': v}
