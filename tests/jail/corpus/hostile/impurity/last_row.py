# pays the last row more
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    bonus = np.zeros(len(v))
    bonus[-1] = 1.0
    v = v + bonus
    return {'a': v}
