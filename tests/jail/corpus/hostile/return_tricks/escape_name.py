# puts a terminal's escape into a name
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a' + '\x1b[2J': v}
