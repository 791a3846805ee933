# sorts a billion numbers
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    sorted(range(10**9))
    return {'a': v}
