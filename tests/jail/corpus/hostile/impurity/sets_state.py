# sets a variable of the state
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    next_state.x_velocity = v * 0
    return {'a': v}
