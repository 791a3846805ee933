# takes any element of a set
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = {'spam', 'eggplant'}
    v = v * len(k.pop())
    return {'a': v}
