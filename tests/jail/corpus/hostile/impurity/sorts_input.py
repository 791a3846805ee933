# sorts a state variable in place
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    next_state.x_velocity.sort()
    return {'a': v}
