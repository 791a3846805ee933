# fills a set until memory ends
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    s = set()
    i = 0
    while True:
        i += 1
        s.add(i)
    return {'a': v}
