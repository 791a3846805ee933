# adds to a state variable in place
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    w = next_state.x_velocity
    w += 1.0
    return {'a': w}
