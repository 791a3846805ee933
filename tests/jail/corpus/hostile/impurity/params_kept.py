# writes into its parameters' defaults
import numpy as np


PARAMS = {'w': 1.0}


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    PARAMS['w'] = PARAMS['w'] + 1
    return {'a': v * PARAMS['w']}
