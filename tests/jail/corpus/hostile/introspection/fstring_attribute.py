# reads a hidden attribute inside an f-string
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    f'{action.__class__.__base__}'
    return {'a': v}
