# unpacks a set
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    a, *b = {'spam', 'eggs', 'tea'}
    v = v * len(a)
    return {'a': v}
