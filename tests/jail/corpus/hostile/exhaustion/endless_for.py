# never returns from a for loop
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    for x in iter(int, 1):
        pass
    return {'a': v}
