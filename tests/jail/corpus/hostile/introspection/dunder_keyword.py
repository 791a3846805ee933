# passes a hidden name as a keyword
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    dict(__class__=1)
    return {'a': v}
