# gives a parameter two values
import numpy as np


PARAMS = {'a': 1, 'a': 2}


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': v}
