# names a term with a huge text
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a' * 10**8: v}
