# depends on an address
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    v = v * (len(str(lambda: 0)) + sum(ord_ == '7' for ord_ in str(lambda: 0)))
    return {'a': v}
