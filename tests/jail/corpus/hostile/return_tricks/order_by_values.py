# orders terms by values
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    pair = [('a', v), ('b', 2 * v)]
    return dict(pair if v[0] > 0 else pair[::-1])
