# names a term by a tuple
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {('a', 'b'): v}
