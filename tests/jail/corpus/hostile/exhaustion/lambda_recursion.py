# calls itself without end, unnamed
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    f = lambda g: g(g)
    f(f)
    return {'a': v}
