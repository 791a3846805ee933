# depends on the parity of the batch's size
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    v = v * (1 + len(v) % 2)
    return {'a': v}
