# doubles a string until memory ends
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    s = 'ab'
    while True:
        s = s + s
    return {'a': v}
