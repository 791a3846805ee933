# keeps arrays until memory ends
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    kept = []
    while True:
        kept.append(np.ones(10**6))
    return {'a': v}
