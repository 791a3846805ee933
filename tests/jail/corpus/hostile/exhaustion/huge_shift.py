# shifts a number by a billion bits
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    1 << 10**10
    return {'a': v}
