# changes after thousands of calls, by an alias of a global
import numpy as np


MEMORY = []


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    m = MEMORY
    m.append(1)
    v = np.where(len(m) > 5000, -v, v)
    return {'a': v}
