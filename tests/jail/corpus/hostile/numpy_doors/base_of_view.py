# reaches the whole shared memory behind a view
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.base
    return {'a': v}
