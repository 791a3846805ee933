# counts by a global statement
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    global COUNT
    COUNT = 1
    return {'a': v}
