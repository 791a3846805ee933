# reads what the state object hides
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    next_state._arrays
    return {'a': v}
