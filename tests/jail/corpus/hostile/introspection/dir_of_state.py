# lists what the state object holds
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    dir(next_state)
    return {'a': v}
