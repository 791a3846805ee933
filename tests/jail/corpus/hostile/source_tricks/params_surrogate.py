# has half a character in PARAMS
import numpy as np


PARAMS = {'\ud800': 1}


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': v}
